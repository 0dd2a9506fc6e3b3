//! docs/plugins.md and the README of a project in Rust, beside a running server.

use super::page;
use crate::harness::project::share_target;
use crate::harness::server::Setup;
use crate::harness::transcript::Shell;
use crate::harness::tus::Tus;

const LOADS: &str = "ok: the server would load it";

#[test]
fn the_guide_to_plugins_and_the_readme_of_a_project_do_what_they_say() {
    let setup = Setup::new().with_hooks();
    let server = setup.start();
    let hooks = server.hooks_dir();
    let hooks = hooks.to_str().unwrap();
    let shell = Shell::new();
    let building = shell.clone().building_modules();
    let mut guide = page("docs/plugins.md");
    // The folder that the server of the guide watches is that of ours.
    guide.replace("HOOKS_DIR", hooks);
    // How each block begins and ends, and what it prints in between.
    for (begin, part, code) in [
        ("rustus plugin new", "Next:", 0),
        ("rustus plugin build", LOADS, 0),
        ("rustus plugin test", "2 passed; 0 failed", 0),
        ("cp ", "", 0),
        ("rustus plugin run", "reject 415", 3),
        ("rustus plugin check", LOADS, 0),
        ("rustus plugin list", "my-hook: loads", 0),
    ] {
        let block = guide.next(begin);
        let (found, said) = building.try_run(&block);
        assert_eq!(found, Some(code), "{}{said}", block.text);
        assert!(said.contains(part), "{}{said}", block.text);
        if part == "Next:" {
            share_target(&shell.path("my-hook"));
        }
    }
    server.wait_for_log("plugin loaded");
    let refused = Tus::new(server.files()).create_with(5, &[("filename", "run.exe")]);
    assert_eq!(refused.status(), 415);

    let mut readme = page("sdk/rust/template/README.md");
    readme.replace("{{name}}", "my-hook");
    readme.replace("/path/to/hooks/", hooks);
    let [build, test, native, put] = &readme.next("rustus plugin build").lines()[..] else {
        panic!("other commands than these four");
    };
    let (building, shell) = (building.at("my-hook"), shell.at("my-hook"));
    assert!(building.run(build).contains(LOADS));
    assert!(building.run(test).contains("2 passed; 0 failed"));
    shell.run(put);
    assert!(shell.run(native).contains("test result: ok"));
}

//! RabbitMQ: a broker of its own on loopback, in a temporary directory.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::amqp::Amqp;
use super::guarded::{Guarded, free_port};
use super::programs::installed;

/// Where Debian and RabbitMQ's own packages put what runs as any user.
const PROGRAMS: &str = "/usr/lib/rabbitmq/bin";

/// A broker. Ended when dropped.
pub struct RabbitMq {
    broker: Option<Guarded>,
    _epmd: Guarded,
    ports: Ports,
    directory: TempDir,
}

struct Ports {
    amqp: u16,
    /// Of the daemon that Erlang asks for names. One of our own: else the broker
    /// starts one that stays.
    epmd: u16,
    /// For `rabbitmqctl`.
    distribution: u16,
}

impl RabbitMq {
    /// A broker that this test may stop and kill; none where it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with these lines of `rabbitmq.conf` besides.
    pub fn start_with(lines: &str) -> Option<Self> {
        let there = Path::new(PROGRAMS).join("rabbitmq-server").exists();
        if !installed("rabbitmq-server", there) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let ports = Ports {
            amqp: free_port(),
            epmd: free_port(),
            distribution: free_port(),
        };
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\n\
             log.file = false\n\
             log.console = true\n\
             vm_memory_high_watermark.absolute = 512MiB\n\
             disk_free_limit.absolute = 1MB\n\
             {lines}",
            ports.amqp
        );
        fs::write(directory.path().join("rabbitmq.conf"), config).unwrap();
        fs::write(directory.path().join("enabled_plugins"), "[].\n").unwrap();
        let mut epmd = Command::new("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &ports.epmd.to_string()]);
        let epmd = Guarded::start(&mut epmd, &directory.path().join("epmd.log"));
        let mut rabbitmq = Self {
            broker: None,
            _epmd: epmd,
            ports,
            directory,
        };
        rabbitmq.restart();
        Some(rabbitmq)
    }

    /// The broker that all tests use which do it no harm. Names of queues and
    /// exchanges in it must be a test's own.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<RabbitMq>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts it again, with the same port and data.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = self.program("rabbitmq-server");
        // Without the shell that would wait for the broker in its place.
        command.env("RABBITMQ_ALLOW_INPUT", "1").env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-noinput +S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        );
        let mut broker = Guarded::start(&mut command, &self.directory.path().join("log"));
        broker.wait_until("RabbitMQ answers", || {
            Amqp::try_connect(&self.url()).is_ok()
        });
        self.broker = Some(broker);
    }

    /// Ends it in order: what is durable stays.
    pub fn stop(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.terminate();
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.kill();
        }
    }

    /// The process itself, to freeze it or to read its log.
    pub fn process(&self) -> &Guarded {
        self.broker.as_ref().unwrap()
    }

    /// For the default user.
    pub fn url(&self) -> String {
        self.url_for("guest", "guest")
    }

    /// For somebody else, or with a wrong password.
    pub fn url_for(&self, user: &str, password: &str) -> String {
        format!("amqp://{user}:{password}@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// A connection that knows the broker's queues and messages.
    pub fn client(&self) -> Amqp {
        Amqp::try_connect(&self.url()).unwrap()
    }

    /// The default user's URL of a virtual host that is made for one test.
    pub fn url_of_own_host(&self, name: &str) -> String {
        self.control(&["add_vhost", name]);
        self.control(&["set_permissions", "-p", name, "guest", ".*", ".*", ".*"]);
        self.url().replace("%2f", name)
    }

    /// What `rabbitmqctl` answers: users, rights, policies, connections.
    pub fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.program("rabbitmqctl");
        let output = command.arg("--quiet").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Name, durable and auto-delete of all queues, sorted.
    pub fn queues(&self) -> Vec<(String, bool, bool)> {
        let columns = ["list_queues", "name", "durable", "auto_delete"];
        let rows = self.rows(&columns);
        let queue = |row: Vec<String>| (row[0].clone(), row[1] == "true", row[2] == "true");
        rows.into_iter().map(queue).collect()
    }

    /// Name, kind, durable and auto-delete of all exchanges that somebody declared.
    pub fn exchanges(&self) -> Vec<(String, String, bool, bool)> {
        let columns = ["list_exchanges", "name", "type", "durable", "auto_delete"];
        let mut rows = self.rows(&columns);
        rows.retain(|row| !row[0].is_empty() && !row[0].starts_with("amq."));
        let exchange = |row: Vec<String>| {
            let (durable, auto_delete) = (row[2] == "true", row[3] == "true");
            (row[0].clone(), row[1].clone(), durable, auto_delete)
        };
        rows.into_iter().map(exchange).collect()
    }

    /// Exchange, queue and routing key of all bindings that somebody declared.
    pub fn bindings(&self) -> Vec<(String, String, String)> {
        let columns = ["source_name", "destination_name", "routing_key"];
        let mut rows = self.rows(&[&["list_bindings"], columns.as_slice()].concat());
        rows.retain(|row| !row[0].is_empty());
        let binding = |row: Vec<String>| (row[0].clone(), row[1].clone(), row[2].clone());
        rows.into_iter().map(binding).collect()
    }

    fn rows(&self, columns: &[&str]) -> Vec<Vec<String>> {
        let arguments = [columns, &["--no-table-headers"]].concat();
        let table = self.control(&arguments);
        let row = |line: &str| line.split('\t').map(str::to_owned).collect();
        let mut rows: Vec<Vec<String>> = table.lines().map(row).collect();
        rows.sort();
        rows
    }

    /// One of RabbitMQ's programs, which all find each other by these variables.
    fn program(&self, name: &str) -> Command {
        let root = self.directory.path();
        let mut command = Command::new(Path::new(PROGRAMS).join(name));
        command
            .current_dir(root)
            // The cookie that the programs know each other by lies there.
            .env("HOME", root)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_CONFIG_FILE", root.join("rabbitmq.conf"))
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env(
                "RABBITMQ_ENABLED_PLUGINS_FILE",
                root.join("enabled_plugins"),
            )
            .env("RABBITMQ_LOG_BASE", root.join("logs"))
            .env("RABBITMQ_MNESIA_BASE", root.join("data"))
            .env(
                "RABBITMQ_NODENAME",
                format!("test{}@localhost", self.ports.amqp),
            )
            .env("RABBITMQ_PID_FILE", root.join("pid"));
        command
    }
}

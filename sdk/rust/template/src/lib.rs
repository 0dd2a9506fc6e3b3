//! Refuses files whose name has an ending that nobody should upload.

use rustus_hook::prelude::*;

rustus_hook::pre_create!(decide);

fn decide(event: Event) -> Result<CreateDecision, HookError> {
    let name = event.upload.metadata("filename").unwrap_or_default();
    if !is_welcome(name) {
        let rejection = Rejection::new(415, "No programs, please.");
        return Ok(CreateDecision::reject(rejection));
    }
    log::info("accepted", &[("filename", name)]);
    Ok(CreateDecision::proceed())
}

fn is_welcome(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ![".exe", ".bat", ".cmd"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustus_hook::testing;

    #[test]
    fn programs_are_refused_and_pictures_are_not() {
        let decide = |name| decide(testing::event(&[("filename", name)]));
        assert!(matches!(decide("Setup.EXE"), Ok(CreateDecision::Reject(_))));
        assert_eq!(decide("cat.png"), Ok(CreateDecision::proceed()));
    }
}

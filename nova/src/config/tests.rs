use super::*;

fn load(text: &str) -> anyhow::Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nova.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path), &Overrides::default())
}

#[test]
fn the_defaults_are_those_of_the_crates_that_they_configure() {
    let config = Config::load(None, &Overrides::default()).unwrap();
    assert_eq!(config.domain_limits(), nova_domain::Limits::default());
    let same = |ours: String, theirs: String| assert_eq!(ours, theirs);
    same(format!("{:?}", config.projector_options()), format!("{:?}", nova_projectors::Options::default()));
    same(format!("{:?}", config.log_options()), format!("{:?}", nova_eventlog::FileLogOptions::default()));
    same(format!("{:?}", config.views_options()), format!("{:?}", nova_embedded::ViewsOptions::default()));
    same(format!("{:?}", config.verifier_options()), format!("{:?}", nova_http::VerifierOptions::default()));
    same(format!("{:?}", config.query_options()), format!("{:?}", nova_query_api::QueryOptions::default()));
}

#[test]
fn a_file_changes_what_it_names_and_nothing_else() {
    let config = load("[server]\ndrain_ms = 5\n[limits]\nmembers_max = 7\n").unwrap();
    assert_eq!((config.server.drain_ms, config.limits.members_max), (5, 7));
    assert_eq!(config.limits.handle_chars_min, 3);
}

#[test]
fn the_command_line_wins() {
    let overrides = Overrides { data: Some("/elsewhere".into()), listen: Some(([127, 0, 0, 1], 9).into()) };
    let config = Config::load(None, &overrides).unwrap();
    assert_eq!(config.data.dir, Path::new("/elsewhere"));
    assert_eq!(config.server.listen.0.port(), 9);
}

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    for (text, key) in [
        ("colour = 1", "unknown key colour"),
        ("[server]\nlissten = \"x\"", "unknown key server.lissten"),
        ("[views.x]\ny = 1", "unknown key views.x"),
    ] {
        let error = load(text).unwrap_err().to_string();
        assert!(error.contains(key), "{text}: {error}");
    }
}

#[test]
fn a_value_of_another_type_is_refused_by_its_key_and_not_repeated() {
    let error = load("[server]\ndrain_ms = \"hush-hush\"").unwrap_err().to_string();
    assert!(error.contains("server.drain_ms") && !error.contains("hush"), "{error}");
    let error = load("profile = \"hush\"").unwrap_err().to_string();
    assert!(error.contains("profile must be one of embedded, distributed"), "{error}");
}

#[test]
fn a_secret_in_a_file_is_refused_and_one_in_force_is_masked() {
    let error = load("[keys]\nmaster_key = \"abcdef\"").unwrap_err().to_string();
    assert!(error.contains("keys.master_key") && !error.contains("abcdef"), "{error}");
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.keys.master_key = Secret("abcdef".to_owned());
    let shown = config.shown().unwrap();
    assert!(shown.contains("master_key = \"********\"") && !shown.contains("abcdef"), "{shown}");
    assert!(!format!("{config:?}").contains("abcdef"));
}

#[test]
fn what_is_shown_can_be_loaded() {
    let config = Config::load(None, &Overrides::default()).unwrap();
    assert_eq!(load(&config.shown().unwrap()).unwrap(), config);
}

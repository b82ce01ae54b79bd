//! Settings that need something which this build of librdkafka does not have, found before a client fails obscurely.

use rdkafka::ClientConfig;

use super::{KafkaOptions, KafkaSetupError};

const PROTOCOL: &str = "security.protocol";
const MECHANISMS: [&str; 2] = ["sasl.mechanisms", "sasl.mechanism"];
/// What librdkafka uses when no mechanism is named.
const DEFAULT_MECHANISM: &str = "GSSAPI";

/// Refuses settings that this build cannot carry out, with the setting's name and what is missing.
pub fn check_settings(options: &KafkaOptions) -> Result<(), KafkaSetupError> {
    let native = ClientConfig::new().create_native_config();
    let built_in = native.and_then(|config| config.get("builtin.features"));
    let built_in = built_in.map_err(|error| KafkaSetupError::of_client(options, &error))?;
    match lacking(options, &built_in) {
        Some((key, lacks)) => Err(KafkaSetupError::NotInBuild { key, lacks }),
        None => Ok(()),
    }
}

/// The setting, and what it needs that is not among `built_in`: names with commas between them.
fn lacking(options: &KafkaOptions, built_in: &str) -> Option<(&'static str, &'static str)> {
    let has = |feature: &str| built_in.split(',').any(|name| name.trim() == feature);
    let protocol = options.settings.get(PROTOCOL).map(|value| value.to_ascii_lowercase())?;
    if protocol.ends_with("ssl") && !has("ssl") {
        return Some((PROTOCOL, "TLS"));
    }
    if !protocol.starts_with("sasl") {
        return None;
    }
    let named = MECHANISMS.into_iter().find_map(|key| Some((key, options.settings.get(key)?.as_str())));
    let (key, mechanism) = named.unwrap_or((MECHANISMS[0], DEFAULT_MECHANISM));
    let (feature, lacks) = match mechanism.to_ascii_uppercase().as_str() {
        "GSSAPI" => ("sasl_gssapi", "Kerberos (GSSAPI)"),
        "SCRAM-SHA-256" | "SCRAM-SHA-512" => ("sasl_scram", "SASL SCRAM"),
        "OAUTHBEARER" => ("sasl_oauthbearer", "SASL OAUTHBEARER"),
        "PLAIN" => ("sasl_plain", "SASL PLAIN"),
        // librdkafka refuses it by its name.
        _ => return None,
    };
    (!has(feature)).then_some((key, lacks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::Topics;

    const NO_TLS: &str = "gzip,snappy,sasl,regex,lz4,sasl_plain,plugins";

    fn options(settings: &[(&str, &str)]) -> KafkaOptions {
        let mut options = KafkaOptions::new("one:9092", Topics { prefix: "nova".to_owned(), partitions: 4 });
        let settings = settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
        options.settings = settings.collect();
        options
    }

    #[test]
    fn names_what_the_build_lacks() {
        let lacks = |settings: &[(&str, &str)]| lacking(&options(settings), NO_TLS).map(|(_, lacks)| lacks);
        assert_eq!(lacks(&[]), None);
        assert_eq!(lacks(&[("security.protocol", "plaintext")]), None);
        assert_eq!(lacks(&[("security.protocol", "SSL")]), Some("TLS"));
        assert_eq!(lacks(&[("security.protocol", "sasl_ssl")]), Some("TLS"));
        let plaintext = ("security.protocol", "sasl_plaintext");
        assert_eq!(lacks(&[plaintext]), Some("Kerberos (GSSAPI)"));
        assert_eq!(lacks(&[plaintext, ("sasl.mechanism", "PLAIN")]), None);
        assert_eq!(lacks(&[plaintext, ("sasl.mechanisms", "SCRAM-SHA-512")]), Some("SASL SCRAM"));
    }

    #[test]
    fn this_build_refuses_tls_as_the_configuration_says() {
        let refused = check_settings(&options(&[("security.protocol", "ssl")])).unwrap_err().to_string();
        assert!(refused.contains("security.protocol needs TLS"), "{refused}");
        assert!(check_settings(&options(&[])).is_ok());
    }
}

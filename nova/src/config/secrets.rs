//! What is secret in a configuration: never shown, never read from a configuration file, which would be copied, shown and
//! committed with it.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize, Serializer};

const MASK: &str = "********";

/// A value that is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub(super) String);

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl Secret {
    /// The value, if there is one.
    pub fn reveal(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|value| !value.is_empty())
    }

    fn masked(&self) -> &'static str {
        if self.0.is_empty() { "" } else { MASK }
    }

    /// The value, or what the file beside it holds (without the line's end). `None` when there is neither.
    pub fn or_file(&self, name: &str, file: &Path) -> anyhow::Result<Option<String>> {
        if let Some(value) = self.reveal() {
            return Ok(Some(value.to_owned()));
        }
        if file.as_os_str().is_empty() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {name}_file ({})", file.display()))?;
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.masked())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.masked())
    }
}

/// The address of a server, `scheme://[user[:password]@]host...`. Shown without its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ServerUrl(String);

impl From<String> for ServerUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl ServerUrl {
    /// Host and port, and nothing that is secret.
    pub fn place(&self) -> &str {
        let (_, _, _, rest) = self.parts();
        rest.split(['/', '?']).next().unwrap_or(rest)
    }

    /// With the password that was given apart, unless it has one itself.
    pub fn with_password(&self, password: Option<&str>) -> String {
        match (self.parts(), password) {
            ((scheme, user, None, rest), Some(password)) => {
                let password = form_urlencoded::byte_serialize(password.as_bytes())
                    .collect::<String>()
                    .replace('+', "%20");
                format!("{scheme}{}:{password}@{rest}", user.unwrap_or_default())
            }
            _ => self.0.clone(),
        }
    }

    fn masked(&self) -> String {
        match self.parts() {
            (scheme, user, Some(_), rest) => format!("{scheme}{}:{MASK}@{rest}", user.unwrap_or_default()),
            _ => self.0.clone(),
        }
    }

    /// Scheme with its slashes, user, password, the rest.
    fn parts(&self) -> (&str, Option<&str>, Option<&str>, &str) {
        let (scheme, behind) = match self.0.find("://") {
            Some(at) => self.0.split_at(at + 3),
            None => ("", self.0.as_str()),
        };
        let authority_end = behind.find(['/', '?']).unwrap_or(behind.len());
        let Some(at) = behind[..authority_end].rfind('@') else { return (scheme, None, None, behind) };
        let (who, rest) = (&behind[..at], &behind[at + 1..]);
        match who.split_once(':') {
            Some((user, password)) => (scheme, Some(user), Some(password), rest),
            None => (scheme, Some(who), None, rest),
        }
    }
}

impl std::fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.masked())
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

/// Section and key of what may not be in a file.
const SECRETS: [(&str, &str); 6] = [
    ("keys", "master_key"),
    ("postgres", "password"),
    ("kafka", "password"),
    ("clickhouse", "password"),
    ("redis", "password"),
    ("media", "s3_secret_key"),
];

const URLS: [(&str, &str); 2] = [("postgres", "url"), ("redis", "url")];

pub(super) fn refuse_secrets(text: &str, path: &Path) -> anyhow::Result<()> {
    // What is not TOML is told by whoever loads it.
    let Ok(table) = toml::from_str::<toml::Table>(text) else { return Ok(()) };
    let value = |section: &str, key: &str| table.get(section)?.get(key)?.as_str().map(str::to_owned);
    let environment =
        |section: &str, key: &str| format!("NOVA__{}__{}", section.to_uppercase(), key.to_uppercase());
    for (section, key) in SECRETS {
        if value(section, key).is_some_and(|value| !value.is_empty()) {
            bail!(
                "{} holds the secret {section}.{key}: give it as {}, or put it into a file of its own and name that \
                 in {section}.{key}_file",
                path.display(),
                environment(section, key)
            );
        }
    }
    let settings = table.get("kafka").and_then(|kafka| kafka.get("settings")?.as_table());
    if let Some(key) =
        settings.into_iter().flat_map(|table| table.keys()).find(|key| key.ends_with("password"))
    {
        bail!(
            "{} holds a password in kafka.settings.{key}: kafka.password is the place for one",
            path.display()
        );
    }
    for (section, key) in URLS {
        if value(section, key).is_some_and(|value| ServerUrl(value).parts().2.is_some()) {
            bail!(
                "{} holds a password in {section}.{key}: give it as {}, or put it into a file of its own and name \
                 that in {section}.password_file",
                path.display(),
                environment(section, "password")
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_put_in_and_never_shown() {
        let url = ServerUrl("postgres://nova@db:5432/nova?sslmode=require".to_owned());
        assert_eq!(url.masked(), url.0);
        assert_eq!(
            url.with_password(Some("p@ss w/rd")),
            "postgres://nova:p%40ss%20w%2Frd@db:5432/nova?sslmode=require"
        );
        let redis = ServerUrl("redis://cache:6379/0".to_owned());
        assert_eq!(redis.with_password(Some("x")), "redis://:x@cache:6379/0");
        assert_eq!(redis.with_password(None), redis.0);
        let own = ServerUrl("postgres://nova:own@db/nova".to_owned());
        assert_eq!(own.with_password(Some("other")), own.0);
        assert_eq!(own.masked(), "postgres://nova:********@db/nova");
        assert!(!format!("{own:?}").contains("own@"));
    }

    #[test]
    fn passwords_in_files_are_refused_by_their_key() {
        for (text, told) in [
            ("[redis]\npassword = \"hush\"", "NOVA__REDIS__PASSWORD"),
            ("[postgres]\nurl = \"postgres://a:hush@b/c\"", "postgres.password_file"),
        ] {
            let error = refuse_secrets(text, Path::new("nova.toml")).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("hush"), "{error}");
        }
        refuse_secrets("[postgres]\nurl = \"postgres://a@b/c\"", Path::new("nova.toml")).unwrap();
    }

    #[test]
    fn a_secret_may_stand_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "hush\n").unwrap();
        let none = Secret::default();
        assert_eq!(none.or_file("redis.password", &file).unwrap().as_deref(), Some("hush"));
        assert_eq!(none.or_file("redis.password", Path::new("")).unwrap(), None);
        let error = none.or_file("redis.password", &folder.path().join("no")).unwrap_err().to_string();
        assert!(error.contains("redis.password_file"), "{error}");
    }
}

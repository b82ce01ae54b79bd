//! What goes wrong, without what it went wrong with: an error of the server quotes the query and the data, so only its
//! number and name are kept.

use std::time::Duration;

use clickhouse::error::Error;
use nova_views::ViewError;

/// Why the store cannot be opened. One line: where, what, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClickHouseError {
    #[error("ClickHouse at {server} cannot be reached: {reason}; is it running, and is the address right?")]
    Unreachable { server: String, reason: String },
    #[error("ClickHouse at {server} refuses the user {user:?}: check the user and the password")]
    Refused { server: String, user: String },
    #[error("ClickHouse at {server} has no database {database:?}: run `nova migrate`")]
    NoDatabase { server: String, database: String },
    #[error("the database {database:?} in ClickHouse at {server} holds no views of Nova: run `nova migrate`")]
    NoSchema { server: String, database: String },
    #[error(
        "the views in ClickHouse have schema version {found}, this program knows {known}: run `nova migrate`"
    )]
    Older { found: u32, known: u32 },
    #[error("the views in ClickHouse have schema version {found}, this program knows {known}: upgrade Nova")]
    Newer { found: u32, known: u32 },
    #[error("the name of the ClickHouse database {0:?} is not made of letters, digits and underscores")]
    BadName(String),
    #[error("ClickHouse at {server} failed: {reason}")]
    Failed { server: String, reason: String },
}

/// Why the server did not do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// A table or the database is not there.
    Gone(String),
    /// The user may not.
    Refused,
    /// Not reached, or not in time.
    Unreachable(String),
    /// Anything else that it says.
    Failed(String),
}

/// Codes of the server: `UNKNOWN_TABLE`, `UNKNOWN_DATABASE`, and what it says of a table that is being dropped.
const GONE: [u32; 3] = [60, 81, 218];
/// `REQUIRED_PASSWORD`, `UNKNOWN_USER`, `WRONG_PASSWORD`, `AUTHENTICATION_FAILED`.
const REFUSED: [u32; 4] = [194, 192, 193, 516];

impl Failure {
    pub(super) fn too_slow(after: Duration) -> Self {
        Self::Unreachable(format!("no answer within {} ms", after.as_millis()))
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }

    pub(super) fn reason(&self) -> String {
        match self {
            Self::Gone(reason) | Self::Unreachable(reason) | Self::Failed(reason) => reason.clone(),
            Self::Refused => "the user or the password is wrong".to_owned(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::BadResponse(text) => match code_of(text) {
                Some((code, name)) if GONE.contains(&code) => Self::Gone(format!("code {code} {name}")),
                Some((code, _)) if REFUSED.contains(&code) => Self::Refused,
                Some((code, name)) => Self::Failed(format!("code {code} {name}")),
                None => Self::Failed("an answer that is not one of ClickHouse".to_owned()),
            },
            Error::Network(source) => Self::Unreachable(network_reason(source.as_ref())),
            Error::TimedOut => Self::Unreachable("no answer in time".to_owned()),
            Error::InvalidParams(_) => Self::Unreachable("the address is not one".to_owned()),
            Error::SchemaMismatch(_) | Error::NotEnoughData | Error::InvalidColumnsHeader(_) => {
                Self::Failed("the tables are not those of this program".to_owned())
            }
            _ => Self::Failed("the answer cannot be read".to_owned()),
        }
    }
}

impl From<Failure> for ViewError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(format!("ClickHouse: {}", failure.reason()))
    }
}

/// `Code: 60. DB::Exception: ... (UNKNOWN_TABLE) (version ...)`: 60 and UNKNOWN_TABLE.
fn code_of(text: &str) -> Option<(u32, &str)> {
    let behind = &text[text.find("Code: ")? + "Code: ".len()..];
    let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    let code = behind[..digits].parse().ok()?;
    let is_name = |word: &&str| {
        word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let name = behind.rsplit('(').filter_map(|part| part.split(')').next()).find(is_name);
    Some((code, name.unwrap_or("")))
}

/// What the operating system says, which has no values in it.
fn network_reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind().to_string();
        }
        next = error.source();
    }
    "the connection failed".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_and_name_only() {
        let text = "Code: 60. DB::Exception: Unknown table expression identifier 'secret'. In scope SELECT 'value' \
                    FROM secret. (UNKNOWN_TABLE) (version 26.9.2.1 (official build))";
        assert_eq!(
            Failure::from(Error::BadResponse(text.to_owned())),
            Failure::Gone("code 60 UNKNOWN_TABLE".to_owned())
        );
        let text = "Code: 27. DB::Exception: Cannot parse input: 'a (PERSON) said'. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)";
        let found = Failure::from(Error::BadResponse(text.to_owned()));
        assert_eq!(found, Failure::Failed("code 27 CANNOT_PARSE_INPUT_ASSERTION_FAILED".to_owned()));
        let found = Failure::from(Error::BadResponse("<html>secret</html>".to_owned()));
        assert!(!found.reason().contains("secret"));
        assert_eq!(Failure::from(Error::BadResponse("Code: 516".to_owned())), Failure::Refused);
    }
}

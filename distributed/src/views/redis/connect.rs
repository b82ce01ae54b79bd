//! The way to the server. Errors are one line: which server (never the password), what is wrong, what to do.

use std::time::Duration;

use nova_views::ViewError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, IntoConnectionInfo, RedisError, ServerErrorKind};

use super::options::RedisOptions;

/// Scripts use what came with 7.0.
const VERSION_MIN: (u32, u32) = (7, 0);

#[derive(Debug, thiserror::Error)]
pub enum RedisOpenError {
    #[error("the Redis URL cannot be read: it should look like redis://user:password@host:6379/0")]
    Url,
    #[error(
        "redis.url begins with {scheme}://, which needs TLS to Redis, and this build of Nova does not have it: use redis:// on a private network"
    )]
    Tls { scheme: String },
    #[error("the prefix of keys in Redis may hold letters, digits and :._-{{}} only, and not be empty")]
    Prefix,
    #[error("Redis at {server} cannot be reached ({reason}): is it running there?")]
    Unreachable { server: String, reason: String },
    #[error("Redis at {server} refuses the user name or password: check those in its URL")]
    Refused { server: String },
    #[error("Redis at {server} has version {found}, Nova needs {}.{} or later", VERSION_MIN.0, VERSION_MIN.1)]
    Version { server: String, found: String },
    #[error("Redis at {server} does not answer as it should: {reason}")]
    Other { server: String, reason: String },
}

/// Refuses an address that this build cannot connect to, before the client says only that it cannot read it.
pub fn check_url(url: &str) -> Result<(), RedisOpenError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    match scheme.as_str() {
        "rediss" | "valkeys" => Err(RedisOpenError::Tls { scheme }),
        _ => Ok(()),
    }
}

#[derive(Clone)]
pub(super) struct Connections {
    /// For the projections.
    pub(super) writes: ConnectionManager,
    /// For questions: they do not stand in line behind a fan-out.
    pub(super) reads: ConnectionManager,
}

pub(super) async fn connect(options: &RedisOptions) -> Result<Connections, RedisOpenError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":._-{}".contains(&byte);
    if options.prefix.is_empty() || !options.prefix.bytes().all(allowed) {
        return Err(RedisOpenError::Prefix);
    }
    let info = options.url.as_str().into_connection_info().map_err(|_| RedisOpenError::Url)?;
    let server = info.addr().to_string();
    let refused = |error: RedisError| open_error(&server, &error);
    let client = Client::open(info).map_err(refused)?;
    let config = |retries: usize, response_timeout: Duration| {
        ConnectionManagerConfig::new()
            .set_response_timeout(Some(response_timeout))
            .set_connection_timeout(Some(Duration::from_millis(options.connect_timeout_ms)))
            .set_number_of_retries(retries)
            .set_max_delay(Duration::from_secs(1))
    };
    // To find out at once; later on it connects again by itself.
    let mut once = client
        .get_multiplexed_async_connection_with_config(
            &redis::AsyncConnectionConfig::new()
                .set_connection_timeout(Some(Duration::from_millis(options.connect_timeout_ms)))
                .set_response_timeout(Some(options.response_timeout())),
        )
        .await
        .map_err(refused)?;
    let about: String = redis::cmd("INFO").arg("server").query_async(&mut once).await.map_err(refused)?;
    check_version(&server, &about)?;
    advise(&mut once, &server, options).await;
    let writes = ConnectionManager::new_with_config(client.clone(), config(2, options.response_timeout()))
        .await
        .map_err(refused)?;
    let reads = ConnectionManager::new_with_config(client, config(1, options.read_timeout()))
        .await
        .map_err(refused)?;
    Ok(Connections { writes, reads })
}

fn check_version(server: &str, about: &str) -> Result<(), RedisOpenError> {
    let found =
        about.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("unknown").trim();
    let mut numbers = found.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < VERSION_MIN {
        return Err(RedisOpenError::Version { server: server.to_owned(), found: found.to_owned() });
    }
    Ok(())
}

/// Settings that cost memory. A server that does not tell them is taken as it is.
async fn advise(connection: &mut redis::aio::MultiplexedConnection, server: &str, options: &RedisOptions) {
    let mut setting = async |name: &str| -> Option<String> {
        let pair: Vec<String> =
            redis::cmd("CONFIG").arg("GET").arg(name).query_async(connection).await.ok()?;
        pair.into_iter().nth(1)
    };
    let wanted = options.timeline_members_max();
    if let Some(entries) = setting("zset-max-listpack-entries").await
        && entries.parse::<usize>().is_ok_and(|entries| entries < wanted)
    {
        tracing::warn!(
            server,
            "Redis keeps timelines in about 6 times the memory they need: set zset-max-listpack-entries to {wanted} \
             or more (it is {entries})"
        );
    }
}

fn open_error(server: &str, error: &RedisError) -> RedisOpenError {
    let server = server.to_owned();
    match error.kind() {
        ErrorKind::AuthenticationFailed => RedisOpenError::Refused { server },
        _ if matches!(error.code(), Some("WRONGPASS" | "NOAUTH")) => RedisOpenError::Refused { server },
        ErrorKind::Io => RedisOpenError::Unreachable { server, reason: error.category().to_owned() },
        _ => RedisOpenError::Other { server, reason: error.category().to_owned() },
    }
}

/// Never says what was written or asked.
pub(super) fn view_error(error: &RedisError) -> ViewError {
    let reason = match error.code() {
        Some("OOM") => "Redis is out of memory (maxmemory)".to_owned(),
        Some("WRONGTYPE") => return ViewError::Corrupt("a key in Redis is not of its type".to_owned()),
        Some(code) => format!("Redis answers {code}"),
        None => match error.kind() {
            ErrorKind::Server(ServerErrorKind::ReadOnly) => "Redis only lets itself be read".to_owned(),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
                "Redis answers something that cannot be read".to_owned()
            }
            _ => format!("Redis: {}", error.category()),
        },
    };
    ViewError::Unavailable(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_needs_tls_is_refused_by_its_scheme() {
        let refused = check_url("rediss://:secret@host:6380/0").unwrap_err().to_string();
        assert!(refused.contains("rediss://") && refused.contains("TLS"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
        assert!(check_url("redis://host:6379/0").is_ok());
    }

    #[test]
    fn old_servers_are_refused() {
        assert!(check_version("s", "# Server\r\nredis_version:7.0.15\r\nx:1\r\n").is_ok());
        assert!(check_version("s", "redis_version:8.2.1\r\n").is_ok());
        let error = check_version("s", "redis_version:6.2.7\r\n").unwrap_err();
        assert_eq!(error.to_string(), "Redis at s has version 6.2.7, Nova needs 7.0 or later");
        assert!(check_version("s", "nothing").is_err());
    }
}

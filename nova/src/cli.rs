//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::config::ListenAddress;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong, 3 an import had bad lines.
NOVA_LOG filters what is told on stderr, such as NOVA_LOG=debug. Any key of the configuration can be set in the
environment as NOVA__SECTION__KEY.";

/// Nova: a social network's backend, event-sourced, in one process or in many.
#[derive(Debug, Parser)]
#[command(name = "nova", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The data folder [default: ./nova-data].
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to listen, such as localhost:8080, or :8080 for every address of this machine; port 0 takes a free one
    /// [default: 127.0.0.1:8080].
    #[arg(long, global = true, value_name = "ADDR", value_parser = listen_address)]
    pub listen: Option<SocketAddr>,
    /// A configuration file; `nova config` shows every key.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a sample community, serve it, and print tokens and first requests.
    ///
    /// The community is the same everywhere; its times end now. It lives in `demo` inside the data folder, or in the
    /// folder that --data names. A second start finds it there and adds nothing.
    Demo {
        /// How many people live there.
        #[arg(long, value_name = "N", default_value_t = 400, value_parser = people_range())]
        people: u64,
    },
    /// Serve everything: commands, projections, queries, and the relay where there is one.
    Serve,
    /// Serve commands only (profile distributed).
    CommandApi,
    /// Serve queries only (profile distributed).
    QueryApi {
        /// Start also when ClickHouse or Redis does not answer; what they alone know is answered from elsewhere until then.
        #[arg(long)]
        allow_degraded_start: bool,
    },
    /// Keep views up to date, and do nothing else (profile distributed).
    Projectors {
        /// Fill this store's views only. Can be given several times [default: projectors.stores].
        #[arg(long, value_name = "STORE", value_enum)]
        store: Vec<StoreName>,
    },
    /// Publish the log to Kafka (profile distributed). Several may run: one works, the others stand by.
    Relay,
    /// What waits to be published to Kafka (profile distributed).
    #[command(subcommand)]
    Outbox(Outbox),
    /// Print what clients told of for analysts, oldest first, as JSON lines. Also beside a running server.
    ///
    /// In the profile embedded that is everything that is kept; in the profile distributed what waits in this data folder
    /// for Kafka.
    ClientEvents,
    /// Print a token, and nothing else, for use as `Authorization: Bearer`.
    Token {
        /// The user's id: the subject of the token [default: a new one, for somebody who has no account yet].
        #[arg(long, value_name = "ID", value_parser = user_id)]
        user: Option<Uuid>,
        #[arg(long, value_name = "R", value_enum, default_value_t = RoleName::User)]
        role: RoleName,
        /// How long it is good for, in seconds.
        #[arg(long, value_name = "S", default_value_t = 86_400)]
        ttl: u64,
    },
    /// Import foreign data. Importing twice changes nothing.
    #[command(subcommand)]
    Import(Import),
    /// Look at the event log. Also beside a running server.
    #[command(subcommand)]
    Log(Log),
    /// Look at the projections and rebuild them. Also beside a running server.
    #[command(subcommand)]
    Projections(Projections),
    /// What was uploaded.
    #[command(subcommand)]
    Media(Media),
    /// Events that could not be projected. Also beside a running server.
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Print the configuration in force, secrets masked.
    Config,
    /// Bring the schemas of all stores up to date: before the first start, and after an upgrade. Beside a running server of the
    /// profile embedded it says that there is nothing to do.
    Migrate,
    /// Print the OpenAPI document of the whole API, the one that a server has at /openapi.json.
    Openapi,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse::<ListenAddress>().map(|ListenAddress(address)| address).map_err(|error| error.to_string())
}

fn user_id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| {
        "an id is a UUID, such as 01920f3e-7c1b-7000-8000-000000000000; GET /api/v1/users/@HANDLE tells that of a handle"
            .to_owned()
    })
}

fn kinds_of_events() -> PossibleValuesParser {
    nova_events::Event::kinds().map(|(kind, _)| kind).collect::<Vec<_>>().into()
}

fn people_range() -> clap::builder::RangedU64ValueParser {
    use crate::demo::Size;
    clap::value_parser!(u64).range(Size::PEOPLE_MIN as u64..=Size::PEOPLE_MAX as u64)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    User,
    Moderator,
    Auditor,
    Operator,
    Dpo,
}

impl From<RoleName> for nova_http::Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::User => Self::User,
            RoleName::Moderator => Self::Moderator,
            RoleName::Auditor => Self::Auditor,
            RoleName::Operator => Self::Operator,
            RoleName::Dpo => Self::Dpo,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum StoreName {
    Postgres,
    ClickHouse,
    Redis,
}

#[derive(Debug, Subcommand)]
pub enum Media {
    /// Remove what unfinished uploads left behind, now: one round through everything. Command processes do this by
    /// themselves every `media.sweep_interval_s`. Also beside a running server.
    Sweep,
}

#[derive(Debug, Subcommand)]
pub enum Outbox {
    /// How far the relay is, who it is, and what is parked.
    Status,
    /// Events that Kafka does not take, and those behind them in their streams, as JSON lines.
    Parked,
    /// Ask the relay to publish them again, in order.
    Redrive {
        /// Only those of one stream.
        #[arg(long, value_name = "NAME")]
        stream: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// A folder of the LDBC Social Network Benchmark (interactive, CSV).
    Ldbc {
        dir: PathBuf,
        /// Move all times by the same span, so that the newest one is now.
        #[arg(long)]
        shift_to_now: bool,
    },
    /// The BYU Chit-Chat dataset (JSON, plain or gzipped).
    Chitchat { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum Log {
    /// How large it is.
    Stats,
    /// Print events as JSON lines.
    Read(LogRead),
    /// Read everything: checksums, order, indexes, and whether acknowledged events are missing at the end.
    ///
    /// It finds damage, such as a disk or a copy leaves. It cannot find a deliberate change: whoever can write to the log
    /// can make the checksums fit.
    Verify,
}

#[derive(Debug, Args)]
pub struct LogRead {
    /// Begin behind this position.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    pub after: u64,
    /// At most so many events.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Of one stream, such as post-018f…
    #[arg(long, value_name = "NAME", conflicts_with = "category")]
    pub stream: Option<String>,
    /// Of the streams of a category, such as post. Can be given several times.
    #[arg(long, value_name = "NAME")]
    pub category: Vec<String>,
    /// Of a kind, such as PostPublished. Can be given several times.
    #[arg(long, value_name = "NAME", value_parser = kinds_of_events(), hide_possible_values = true)]
    pub kind: Vec<String>,
    /// With the personal parts, decrypted. Not beside a running server.
    #[arg(long)]
    pub personal: bool,
}

#[derive(Debug, Subcommand)]
pub enum Projections {
    /// How far each of them is.
    Status,
    /// Fill a view from the log, beside the live one, and switch to it.
    ///
    /// In the profile distributed, `clickhouse/posts` and `redis/posts` are the views of those stores, `posts` that of
    /// PostgreSQL.
    Rebuild { name: String },
}

#[derive(Debug, Subcommand)]
pub enum DeadLetters {
    /// All of them, as JSON lines.
    List {
        #[arg(long, value_name = "NAME")]
        projection: Option<String>,
    },
    /// The events at a position that could not be projected, with their errors.
    Show { position: u64 },
    /// Project them again, in order.
    Redrive {
        projection: String,
        /// Only those of one stream.
        #[arg(long, value_name = "NAME")]
        stream: Option<String>,
    },
}

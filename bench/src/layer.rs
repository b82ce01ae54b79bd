//! What the layer around every request costs: correlation, limits, deadline, metrics, headers; with the adaptive limit and
//! without it.
//!
//! First around an answer of given bytes, beside the same without a layer, so that the difference is the layer; then in the
//! product. Subjects take turns in every round, each in a process of its own with a core of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use uuid::Uuid;

use crate::community::{Community, Size};
use crate::cores;
use crate::http::bare::Around;
use crate::http::load::{self, Outcome, Pace, Requests};
use crate::http::server::{Launch, Server, nova_program};
use crate::http::wire::request;
use crate::overload::Switch;
use crate::setting;
use crate::table::Table;

#[derive(Clone, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// Of each subject in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Bytes of the answer that has nothing but the layer around it.
    #[arg(long, default_value_t = 80)]
    bytes: usize,
}

/// A server and what it is asked.
struct Subject {
    name: &'static str,
    server: Server,
    requests: Requests,
    outcomes: Vec<Outcome>,
}

const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let apart = std::thread::available_parallelism()?.get() > LOAD_CORE;
    let arguments = arguments.clone();
    cores::alone(apart.then_some(LOAD_CORE), move || measure(arguments, apart.then_some(SERVER_CORE))).await
}

async fn measure(arguments: Arguments, core: Option<usize>) -> anyhow::Result<()> {
    let arguments = &arguments;
    let where_to = if core.is_some() { "servers on core 0, load on core 1" } else { "all share one core" };
    setting::print(&[
        ("cores", where_to.to_owned()),
        (
            "load",
            format!(
                "{} connections, closed loop, {} rounds of {} s for each subject, one after the other",
                arguments.connections, arguments.rounds, arguments.seconds
            ),
        ),
        ("answer", format!("{} bytes where only the layer is measured", arguments.bytes)),
    ]);
    let temporary = tempfile::tempdir()?;
    let mut subjects = around_bytes(arguments, core).await?;
    subjects.extend(in_product(temporary.path(), core).await?);
    for round in 0..=arguments.rounds {
        for subject in &mut subjects {
            let duration = Duration::from_secs(if round == 0 { 1 } else { arguments.seconds });
            let requests = Arc::clone(&subject.requests);
            let address = &subject.server.address;
            let outcome = load::run(address, arguments.connections, Pace::Closed, duration, requests).await?;
            if outcome.failed > 0 {
                bail!("{}: {} requests failed", subject.name, outcome.failed);
            }
            // The first round is for warming up.
            if round > 0 {
                subject.outcomes.push(outcome);
            }
        }
    }
    tell(subjects, arguments).await
}

async fn tell(subjects: Vec<Subject>, arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::new();
    let setting = format!("{} connections, closed loop", arguments.connections);
    for subject in subjects {
        let all = |figure: &dyn Fn(&Outcome) -> f64| subject.outcomes.iter().map(figure).collect::<Vec<_>>();
        table.row(subject.name, &setting, "requests/s", &all(&|outcome| outcome.per_second));
        table.row(subject.name, &format!("{setting}, p50"), "ms", &all(&|outcome| outcome.ms(50.0)));
        table.row(subject.name, &format!("{setting}, p99"), "ms", &all(&|outcome| outcome.ms(99.0)));
        // The server has one core and is never idle: its time for a request is what the rate leaves.
        let each = |outcome: &Outcome| 1e6 / outcome.per_second;
        table.row(subject.name, "one core divided by the rate", "us per request", &all(&each));
        subject.server.kill().await?;
    }
    table.print();
    Ok(())
}

async fn around_bytes(arguments: &Arguments, core: Option<usize>) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for (name, around) in [
        ("bare axum", Around::Nothing),
        ("the same in Nova's layer, fixed limit", Around::Layer),
        ("the same in Nova's layer, adaptive limit", Around::Adaptive),
    ] {
        let bytes = arguments.bytes.to_string();
        let given = ["bare-http", "--bytes", &bytes, "--around", around.argument()];
        let launch = Launch { core, ..Launch::default() };
        let server = Server::launch(&std::env::current_exe()?, &given, &launch).await?;
        let asked = request("GET", "/api/v1/anything", "none", None);
        subjects.push(Subject {
            name,
            server,
            requests: Arc::new(move |_| asked.clone()),
            outcomes: Vec::new(),
        });
    }
    Ok(subjects)
}

/// The product twice, each asked for its health and for a post that is in its cache.
async fn in_product(folder: &Path, core: Option<usize>) -> anyhow::Result<Vec<Subject>> {
    let nova = nova_program()?;
    let mut subjects = Vec::new();
    for (switch, names) in [
        (Switch::Off, ["nova, /health/live, no adaptive limit", "nova, a cached post, no adaptive limit"]),
        (Switch::On, ["nova, /health/live, adaptive limit", "nova, a cached post, adaptive limit"]),
    ] {
        for (name, what) in names.into_iter().zip([What::Health, What::Post]) {
            let data = folder.join(format!("{switch:?}-{what:?}"));
            let (server, requests) = product(&nova, data, switch, what, core).await?;
            subjects.push(Subject { name, server, requests, outcomes: Vec::new() });
        }
    }
    Ok(subjects)
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// Never refused, so it has no place in the adaptive limit either way.
    Health,
    Post,
}

async fn product(
    nova: &Path,
    data: PathBuf,
    switch: Switch,
    what: What,
    core: Option<usize>,
) -> anyhow::Result<(Server, Requests)> {
    let data_text = data.to_str().context("the data folder's name is not UTF-8")?;
    let serve = ["--data", data_text, "--listen", "127.0.0.1:0", "serve"];
    let launch = Launch { variables: vec![switch.variable()], core, log: None };
    let server = Server::launch(nova, &serve, &launch).await?;
    let size = Size { viewers: 1, followees: 1, posts: 1, connections: 1 };
    let community = Community::seed(&server, &data, &size).await?;
    let post: Uuid = community.posts[0];
    let asked = match what {
        What::Health => request("GET", "/health/live", "none", None),
        What::Post => request("GET", &format!("/api/v1/posts/{post}"), &community.viewer_tokens[0], None),
    };
    Ok((server, Arc::new(move |_| asked.clone())))
}

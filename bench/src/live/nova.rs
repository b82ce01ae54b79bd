//! Nova in either profile, with people and conversations made over HTTP.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use uuid::Uuid;

use crate::community::{caught_up, id_of, register, send_all, tokens, user};
use crate::http::server::{Launch, Server, nova_program};
use crate::http::wire::request;

use super::Arguments;
use super::peer::{Database, Peer};
use super::protocol::Protocol;

const CONNECTIONS: u64 = 32;
const PERSON: &str = "person";

pub(crate) async fn embedded(arguments: &Arguments) -> anyhow::Result<Arc<Peer>> {
    let folder = tempfile::tempdir()?;
    let server = start(folder.path(), "serve", Vec::new()).await?;
    let address = server.address.clone();
    let name = "Nova, embedded".to_owned();
    peer(name, arguments, folder, (address.clone(), address), vec![("nova serve", server)], None).await
}

#[cfg(feature = "distributed")]
pub(crate) async fn distributed(arguments: &Arguments) -> anyhow::Result<Arc<Peer>> {
    use futures::FutureExt as _;

    let folder = tempfile::tempdir()?;
    let own = crate::servers::own::Own::new(folder.path()).await?;
    let mut processes = Vec::new();
    // The key that signs the tokens of this measurement has to be there before the processes are.
    let key_file = crate::community::token_key_file(folder.path());
    nova_http::Issuer::open_or_create(&key_file)?;
    let mut variables = own.variables.clone();
    variables.push(("NOVA__AUTH__KEY_FILE".to_owned(), key_file.display().to_string()));
    for role in ["relay", "projectors", "command-api", "query-api"] {
        let server = start(folder.path(), role, variables.clone()).await?;
        processes.push((role, server));
    }
    let address = |role: &str| {
        let found = processes.iter().find(|(name, _)| *name == role);
        found.map(|(_, server)| server.address.clone()).context("a role is missing")
    };
    let addresses = (address("command-api")?, address("query-api")?);
    let counted = own.clone();
    let database = Database {
        transactions: Box::new(move || counted.clone().transactions().boxed()),
        remove: Box::new(move || own.remove().boxed()),
    };
    let name = "Nova, distributed".to_owned();
    peer(name, arguments, folder, addresses, processes, Some(database)).await
}

#[cfg(not(feature = "distributed"))]
#[expect(clippy::unused_async, reason = "the same as with the feature")]
pub(crate) async fn distributed(_: &Arguments) -> anyhow::Result<Arc<Peer>> {
    anyhow::bail!("the distributed profile needs a build with --features distributed")
}

async fn start(data: &Path, role: &str, variables: Vec<(String, String)>) -> anyhow::Result<Server> {
    let data_text = data.to_str().context("the data folder's name is not UTF-8")?;
    let launch = Launch { variables, core: None, log: Some(data.join(format!("{role}.log"))) };
    Server::launch(&nova_program()?, &["--data", data_text, "--listen", "127.0.0.1:0", role], &launch).await
}

/// `addresses`: of the commands and of the queries.
async fn peer(
    name: String,
    arguments: &Arguments,
    folder: tempfile::TempDir,
    addresses: (String, String),
    processes: Vec<(&'static str, Server)>,
    database: Option<Database>,
) -> anyhow::Result<Arc<Peer>> {
    let (commands, queries) = addresses;
    let people = arguments.conversations * arguments.members;
    let tokens = tokens(folder.path(), PERSON, people as u64)?;
    register(&commands, CONNECTIONS, PERSON, &tokens).await?;
    let starts = (0..arguments.conversations).map(|conversation| {
        let first = conversation * arguments.members;
        let others = (first + 1..first + arguments.members).map(|number| user(PERSON, number as u64).0);
        let members: Vec<String> = others.map(|id: Uuid| format!("\"{id}\"")).collect();
        let body = format!(r#"{{"kind":"group","title":"a walk","members":[{}]}}"#, members.join(","));
        request("POST", "/api/v1/conversations", &tokens[first], Some(&body))
    });
    let answers = send_all(&commands, CONNECTIONS, starts.collect()).await?;
    let channels =
        answers.iter().map(|answer| Ok(id_of(answer)?.to_string())).collect::<anyhow::Result<_>>()?;
    caught_up(&queries, &tokens[0], &answers).await?;
    Ok(Arc::new(Peer {
        name,
        protocol: Protocol::Nova,
        sockets: queries.parse()?,
        path: "/api/v1/ws",
        api: commands,
        tokens,
        channels,
        members: arguments.members,
        processes,
        database,
        folder,
    }))
}

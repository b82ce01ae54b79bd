//! The ways from processes to stores, each through a proxy of its own.

use std::net::SocketAddr;

use nova_testkit::fault_proxy::{Counts, FaultProxy, Faults};

use crate::case::{Case, Store};
use crate::cluster::Cluster;
use crate::process::Role;

struct Edge {
    store: Store,
    proxy: FaultProxy,
}

pub(crate) struct Edges(Vec<Edge>);

impl Edges {
    /// Processes that are started after this go through them.
    pub(crate) async fn between(cluster: &Cluster, seed: u64) -> Self {
        let servers = &cluster.servers;
        let (postgres, clickhouse, redis) =
            (cluster.postgres(), servers.clickhouse.clone(), servers.redis.clone());
        let ways = [
            (Role::QueryApi, Store::PostgresReads, "NOVA__POSTGRES__URL", &postgres),
            (Role::QueryApi, Store::ClickHouse, "NOVA__CLICKHOUSE__URL", &clickhouse),
            (Role::QueryApi, Store::Redis, "NOVA__REDIS__URL", &redis),
            (Role::Projectors, Store::ClickHouse, "NOVA__CLICKHOUSE__URL", &clickhouse),
            (Role::Projectors, Store::Redis, "NOVA__REDIS__URL", &redis),
        ];
        let mut edges = Vec::new();
        for (role, store, key, url) in ways {
            let proxy = FaultProxy::start_seeded(place(url), seed).await.unwrap();
            cluster.set_for(role, key, through(url, proxy.address()));
            edges.push(Edge { store, proxy });
        }
        Self(edges)
    }

    fn to(&self, store: Store) -> impl Iterator<Item = &FaultProxy> {
        self.0.iter().filter(move |edge| edge.store == store).map(|edge| &edge.proxy)
    }

    /// What goes wrong on all ways to a store.
    pub(crate) fn set(&self, store: Store, faults: Faults) {
        self.to(store).for_each(|proxy| proxy.set(faults));
    }

    pub(crate) fn reset_open(&self, store: Store) {
        self.to(store).for_each(FaultProxy::reset_open);
    }

    /// What passed on the ways to a case's store, all together.
    pub(crate) fn counts(&self, case: Case) -> Counts {
        self.to(case.store).map(FaultProxy::counts).fold(Counts::default(), |sum, one| Counts {
            accepted: sum.accepted + one.accepted,
            open: sum.open + one.open,
            resets: sum.resets + one.resets,
            bytes_up: sum.bytes_up + one.bytes_up,
            bytes_down: sum.bytes_down + one.bytes_down,
        })
    }
}

/// `host:port` of `scheme://user:password@host:port/rest`.
fn place(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("an address with a scheme");
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

fn through(url: &str, proxy: SocketAddr) -> String {
    url.replacen(place(url), &proxy.to_string(), 1)
}

//! Edits, deletions and a removal that race through two processes that take commands, watched at two that answer queries.

use nova_events::UserId;
use serde_json::{Value, json};

use crate::check::caught_up;
use crate::client::User;
use crate::cluster::Cluster;
use crate::messages_race::{PATIENCE, Race};
use crate::process::Role;
use crate::servers::Servers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_deletions_and_a_removal_have_one_outcome_for_everybody() {
    let cluster = Cluster::found(Servers::given, &[]).await;
    cluster.start(&[Role::Relay, Role::Projectors], 1).await;
    cluster.start(&[Role::CommandApi, Role::QueryApi], 2).await;
    let at = |role: Role, id: UserId| -> Vec<User> {
        cluster.living(role).iter().map(|api| api.as_user(id, cluster.token(id))).collect()
    };
    let ids = [UserId::make(), UserId::make(), UserId::make()];
    let [admin, editor, member] = ids.map(|id| at(Role::CommandApi, id));
    for (name, user) in [("ada", &admin), ("bob", &editor), ("cat", &member)] {
        user[0].post("/users", json!({"handle": name, "display_name": name})).await.ok();
    }
    let [ada, bob, cat] = ids.map(|id| at(Role::QueryApi, id));
    let race = Race {
        admin,
        editor,
        member: member[0].clone(),
        // The editor comes second.
        watchers: vec![ada[0].clone(), bob[1].clone(), cat[0].clone(), cat[1].clone()],
    };
    let told = race.run().await;
    caught_up(&cluster, PATIENCE).await;
    let log: Vec<Value> =
        cluster.run(&["log", "read"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    told.agrees_with_the_log(&log, &ids[1].to_string());
    for (member, editor) in cat.iter().zip(&bob) {
        told.agrees_with_the_views(member, editor).await;
    }
}

/// Two processes, one nonce: the log decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_and_a_mark_are_the_same_through_whichever_process() {
    let cluster = Cluster::found(Servers::given, &[]).await;
    cluster.start(&[Role::Relay, Role::Projectors, Role::QueryApi], 1).await;
    cluster.start(&[Role::CommandApi], 2).await;
    let id = UserId::make();
    let at: Vec<User> =
        cluster.living(Role::CommandApi).iter().map(|api| api.as_user(id, cluster.token(id))).collect();
    at[0].post("/users", json!({"handle": "ada", "display_name": "Ada"})).await.ok();
    let group = at[0].starts_group("two", &[]).await;
    let path = format!("/conversations/{group}");
    let rounds = 10_u64;
    for round in 0..rounds {
        let body =
            json!({"encrypted_content": "b3BhcXVl", "nonce": format!("n{round}"), "device_id": "phone-7"});
        let messages = format!("{path}/messages");
        let sends = (0..6).map(|n| at[n % 2].post(&messages, body.clone()));
        let answers = futures::future::join_all(sends).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status.is_success());
        assert_eq!(won.len(), 1, "one wins, at whichever process");
        for answer in lost {
            answer.problem(409, "nonce_reused");
        }
    }
    let marks = (0..rounds).rev().flat_map(|seq| {
        let (path, at) = (&path, &at);
        ["read", "delivered"].map(move |kind| {
            let body = match kind {
                "read" => json!({"seq": seq}),
                _ => json!({"seq": seq, "device_id": "phone-7"}),
            };
            let who = &at[usize::from(seq % 2 == 0)];
            async move { who.send("PUT", &format!("{path}/{kind}"), body).await.ok() }
        })
    });
    futures::future::join_all(marks).await;
    caught_up(&cluster, PATIENCE).await;
    let log: Vec<Value> =
        cluster.run(&["log", "read"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for kind in ["ReadUpTo", "DeliveredUpTo"] {
        let seqs =
            log.iter().filter(|event| event["kind"] == kind).map(|event| event["data"]["seq"].as_u64());
        let seqs: Vec<u64> = seqs.flatten().collect();
        assert!(seqs.is_sorted_by(|a, b| a < b), "{kind} only moves forward: {seqs:?}");
        assert_eq!(seqs.last(), Some(&(rounds - 1)), "{kind}");
    }
    assert_eq!(log.iter().filter(|event| event["kind"] == "NonceUsed").count() as u64, rounds);
    let seen = cluster.query(&cluster.token(id), &path).await.ok();
    let member = &seen["members"][0];
    assert_eq!((&member["last_read_seq"], &member["delivered_seq"]), (&json!(9), &json!(9)), "{seen}");
    is_nowhere_in_clickhouse(&cluster, &["b3BhcXVl", "phone-7"]).await;
}

/// Looks through every column of every table of the installation.
async fn is_nowhere_in_clickhouse(cluster: &Cluster, words: &[&str]) {
    let columns = format!(
        "SELECT DISTINCT table, name FROM system.columns WHERE database = '{}' AND type LIKE '%String%'",
        cluster.name
    );
    let columns = cluster.servers.clickhouse(&columns).await;
    let columns: Vec<(&str, &str)> = columns.lines().filter_map(|line| line.split_once('\t')).collect();
    assert!(!columns.is_empty(), "there are texts to look through");
    for (table, column) in columns {
        for word in words {
            let found = format!(
                "SELECT count() FROM {}.`{table}` WHERE position(toString(`{column}`), '{word}') > 0",
                cluster.name
            );
            assert_eq!(cluster.servers.clickhouse(&found).await.trim(), "0", "{word} in {table}.{column}");
        }
    }
}

//! Voice messages and pictures, put to S3 by way of command-apis that are killed meanwhile, and heard through other processes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_events::UserId;
use nova_media::MediaStore;
use nova_media::s3::open;
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::check::caught_up;
use crate::client::{Answer, Api};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::faults::{duration, everything_runs};
use crate::media_bucket as bucket;
use crate::media_bytes::{File, ogg, png};
use crate::process::Role;
use crate::servers::Servers;

const PEOPLE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
/// What is not completed by then is swept away.
const UPLOAD_TTL_S: u64 = 15;

struct Studio {
    cluster: Arc<Cluster>,
    people: Vec<(UserId, String)>,
    group: Uuid,
    s3: Api,
    kept: Mutex<Vec<Kept>>,
    given_up: Mutex<usize>,
}

/// What was uploaded and acknowledged.
#[derive(Clone)]
struct Kept {
    id: Uuid,
    owner: usize,
    bytes: Vec<u8>,
    /// The message that carries it.
    message: Option<Uuid>,
}

impl Studio {
    async fn found(cluster: &Arc<Cluster>) -> Arc<Self> {
        let people: Vec<_> = (0..PEOPLE).map(|_| UserId::make()).map(|id| (id, cluster.token(id))).collect();
        let mut studio = Self {
            cluster: Arc::clone(cluster),
            people,
            group: Uuid::nil(),
            s3: Api::new(([127, 0, 0, 1], 0).into()),
            kept: Mutex::default(),
            given_up: Mutex::default(),
        };
        for n in 0..PEOPLE {
            let body = json!({"handle": format!("speaker_{n}"), "display_name": "A speaker"});
            studio.command(n, "/users", &body).await.ok();
        }
        let members: Vec<_> = studio.people.iter().map(|(id, _)| *id).collect();
        let body = json!({"kind": "group", "title": "a studio", "members": members});
        studio.group = studio.command(0, "/conversations", &body).await.id();
        Arc::new(studio)
    }

    async fn command(&self, whose: usize, path: &str, body: &Value) -> Answer {
        self.cluster.submit(&self.people[whose].1, "POST", path, body).await
    }

    /// Whether S3 took it. It does not when the address has expired meanwhile.
    async fn put(&self, reserved: &Value, file: &File) -> bool {
        file.put(&self.s3, reserved["presigned_url"].as_str().unwrap(), &reserved["headers"]).await == 200
    }

    /// From the reservation to the message, as far as this one goes. `None`: it is not to be kept.
    async fn one(&self, whose: usize, dice: &mut Dice) -> Option<Kept> {
        let duration_ms = 1_000 + dice.below(2_000);
        let file = if dice.below(2) == 0 { ogg(duration_ms) } else { png() };
        let reserved = self.command(whose, "/uploads", &file.body()).await.ok();
        let id = reserved["upload_id"].as_str().unwrap();
        if dice.below(6) == 0 {
            // With another checksum than was signed.
            let other = File { content_type: file.content_type, bytes: vec![7; file.bytes.len()] };
            assert!(!self.put(&reserved, &other).await, "it is not what was announced");
            return None;
        }
        if !self.put(&reserved, &file).await {
            return None;
        }
        match dice.below(6) {
            0 => return None,
            1 => {
                let path = format!("/uploads/{id}/complete");
                let other = self.command((whose + 1) % PEOPLE, &path, &json!({})).await;
                assert_eq!(
                    other.status, 404,
                    "a medium that nothing carries is its owner's alone: {}",
                    other.body
                );
            }
            _ => {}
        }
        let speaks = dice.below(2) == 1;
        let answer = match file.content_type {
            _ if !speaks => self.command(whose, &format!("/uploads/{id}/complete"), &json!({})).await,
            // Completed on the way.
            "audio/ogg" => {
                let body = json!({"upload_id": id, "duration_ms": duration_ms, "waveform": [1, 50, 99]});
                self.command(whose, &format!("/conversations/{}/messages/audio", self.group), &body).await
            }
            _ => return None,
        };
        if answer.status == 409 {
            answer.problem(409, "upload_expired");
            return None;
        }
        let (id, answered) = (id.parse().unwrap(), answer.id());
        assert!(speaks || answered == id, "{answered} was completed, and not {id}");
        Some(Kept { id, owner: whose, bytes: file.bytes, message: speaks.then_some(answered) })
    }

    async fn person(self: Arc<Self>, whose: usize, mut dice: Dice, end: Instant) {
        while Instant::now() < end {
            match self.one(whose, &mut dice).await {
                Some(kept) => self.kept.lock().push(kept),
                None => *self.given_up.lock() += 1,
            }
        }
    }

    /// Each message once; its bytes from every process, for every member, and for nobody else.
    async fn all_is_heard(&self, kept: &[Kept]) {
        let messages = format!("/conversations/{}/messages?limit=100", self.group);
        let (_, listener) = &self.people[0];
        let mut heard: Vec<(Uuid, Uuid)> = Vec::new();
        let mut after = -1;
        loop {
            let page = self.cluster.query(listener, &format!("{messages}&after_seq={after}")).await.ok();
            let items = page["items"].as_array().unwrap();
            let Some(last) = items.last() else { break };
            after = last["seq"].as_i64().unwrap();
            let id = |value: &Value| value.as_str().unwrap().parse::<Uuid>().unwrap();
            heard.extend(items.iter().map(|item| (id(&item["id"]), id(&item["media"]["id"]))));
        }
        let mut sent: Vec<(Uuid, Uuid)> =
            kept.iter().filter_map(|one| Some((one.message?, one.id))).collect();
        heard.sort_unstable();
        sent.sort_unstable();
        assert_eq!(heard, sent, "what was heard, and what was acknowledged");

        let stranger = self.cluster.token(UserId::make());
        for one in kept {
            let path = format!("/media/{}", one.id);
            let listener = if one.message.is_some() { (one.owner + 1) % PEOPLE } else { one.owner };
            for api in self.cluster.living(Role::QueryApi) {
                let seen = api.ask("GET", &path).token(&self.people[listener].1).send().await.ok();
                let url = seen["url"].as_str().unwrap();
                assert_eq!(api.bytes_at(url).await, one.bytes, "{path}");
                let unsigned = url.split('?').next().unwrap();
                let refused = api.ask_at("GET", unsigned).send().await.status;
                assert_eq!(refused, 403, "an address without its signature");
                api.ask("GET", &path).token(&stranger).send().await.problem(404, "not_found");
            }
        }
    }
}

async fn holds_soon(store: &MediaStore, expected: &BTreeSet<String>) {
    let began = Instant::now();
    loop {
        // The local S3 server does not list a folder while files of it go.
        let found = bucket::keys(store).await;
        if found.as_ref().is_ok_and(|keys| keys == expected) {
            return;
        }
        if let Ok(keys) = &found {
            let missing: Vec<_> = expected.difference(keys).collect();
            assert!(missing.is_empty(), "the bucket lacks {missing:?}");
        }
        assert!(began.elapsed() < PATIENCE, "the bucket has {found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_uploaded_is_heard_and_nothing_is_orphaned() {
    let mut dice = Dice::of_this_run();
    let options = bucket::options().await;
    let ttl_s = UPLOAD_TTL_S.to_string();
    let media = [
        ("NOVA__MEDIA__S3_ENDPOINT", options.endpoint.as_str()),
        ("NOVA__MEDIA__S3_BUCKET", &options.bucket),
        ("NOVA__MEDIA__S3_ACCESS_KEY", &options.access_key),
        ("NOVA__MEDIA__S3_SECRET_KEY", &options.secret_key),
        ("NOVA__MEDIA__S3_CALL_MS", "20000"),
        ("NOVA__MEDIA__VOICE_TTL_S", &ttl_s),
        ("NOVA__MEDIA__UPLOAD_TTL_S", &ttl_s),
        ("NOVA__MEDIA__UPLOAD_GRACE_S", "2"),
        ("NOVA__MEDIA__SWEEP_MARGIN_S", "2"),
        ("NOVA__MEDIA__SWEEP_INTERVAL_S", "1"),
    ];
    let cluster = Arc::new(Cluster::found(Servers::given, &media).await);
    cluster.start(&Role::ALL, 1).await;
    cluster.start(&[Role::CommandApi, Role::QueryApi], 1).await;
    let studio = Studio::found(&cluster).await;

    let end = Instant::now() + duration(12);
    let speakers: Vec<_> =
        (0..PEOPLE).map(|whose| tokio::spawn(Arc::clone(&studio).person(whose, dice.split(), end))).collect();
    let mut kills = 0;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(300 + dice.below(700))).await;
        if let Some(api) = dice.pick(&cluster.of(Role::CommandApi)) {
            cluster.replace(api);
            kills += 1;
        }
    }
    for speaker in speakers {
        speaker.await.expect("nobody was told something wrong");
    }
    everything_runs(&cluster).await;

    let kept = studio.kept.lock().clone();
    let (sent, given_up) = (kept.iter().filter(|one| one.message.is_some()).count(), *studio.given_up.lock());
    println!(
        "{} uploads acknowledged, {sent} of them in messages; {given_up} given up, {kills} command-apis killed; \
         attempts by status: {:?}",
        kept.len(),
        cluster.attempts()
    );
    assert!(kills > 5 && sent > 5 && given_up > 5, "nothing was tested");
    let expected = kept.iter().map(|one| format!("media/{}", one.id)).collect();
    holds_soon(&open(&options).unwrap(), &expected).await;
    caught_up(&cluster, PATIENCE).await;
    studio.all_is_heard(&kept).await;
}

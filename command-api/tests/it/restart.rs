//! Everything that was decided is still so after a restart from the files.

use nova_command_api::Outcome;
use nova_domain::block::Block;
use nova_domain::conversation::{PutMember, RemoveMember};
use nova_domain::follow::Follow;
use nova_domain::message::{DeleteMessage, EditMessage};
use nova_domain::post::{DeletePost, PublishPost};
use nova_domain::user::ChangeProfile;
use nova_domain::{Command, Refusal};
use nova_events::message::Body;
use nova_events::post::Visibility;
use nova_events::{MessageId, PostId, UserId};
use uuid::Uuid;

use crate::support::{Nova, at_once, repeatable, say};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgets_nothing() {
    let mut nova = Nova::new();
    let people = nova.people(4).await;
    let [ann, bob, cat, dan] = people[..] else { panic!() };
    let conversation = nova.group(ann, &[bob, cat]).await;
    nova.does(bob, nova.register_change("bobby")).await;
    nova.does(ann, Block { user: dan }).await;
    nova.does(bob, Follow { user: ann }).await;
    let post = PostId::make();
    let text = "a post".to_owned();
    nova.does(ann, PublishPost { post, text, media: Vec::new(), visibility: Visibility::Followers }).await;
    let message = MessageId(nova.does(bob, say(conversation, "hello")).await.id);
    let doomed = MessageId(nova.does(bob, say(conversation, "never mind")).await.id);
    nova.does(ann, DeleteMessage { conversation, message: doomed, reason: None }).await;
    nova.does(ann, RemoveMember { conversation, user: cat }).await;

    let commands: Vec<(UserId, Uuid, Command)> = vec![
        (dan, Uuid::new_v4(), Follow { user: cat }.into()),
        (bob, Uuid::new_v4(), say(conversation, "with a key").into()),
        (ann, Uuid::new_v4(), PutMember { conversation, user: dan, role: None }.into()),
        (ann, Uuid::new_v4(), DeletePost { post, reason: Some("old".to_owned()) }.into()),
    ];
    // The third is refused, the others happen.
    let run = async |nova: &Nova| -> Vec<Option<Outcome>> {
        let mut outcomes = Vec::new();
        for (user, id, command) in &commands {
            outcomes.push(nova.executor().execute(repeatable(*user, *id), command.clone()).await.ok());
        }
        outcomes
    };
    let first = run(&nova).await;
    assert_eq!(first.iter().flatten().count(), 3);
    let before = nova.history().await;

    for _ in 0..2 {
        nova = nova.restart();
        assert_eq!(nova.history().await, before);
        let again = run(&nova).await;
        for (first, again) in first.iter().zip(&again) {
            assert_eq!(*again, first.clone().map(|first| Outcome { duplicate: true, ..first }));
        }
        let stranger = UserId::make();
        assert_eq!(nova.refused(stranger, nova.register("bobby")).await, Refusal::HandleTaken);
        assert_eq!(nova.refused(dan, Follow { user: ann }).await, Refusal::Unknown("user"));
        assert_eq!(nova.refused(cat, say(conversation, "hi")).await, Refusal::Unknown("conversation"));
        let body = Body { text: Some("x".to_owned()), ..Body::default() };
        let edit = |message| EditMessage { conversation, message, body: body.clone() };
        assert_eq!(nova.refused(bob, edit(doomed)).await, Refusal::Gone("message"));
        assert_eq!(nova.refused(ann, edit(message)).await, Refusal::NotYours("message"));
        assert!(!nova.does(bob, Follow { user: ann }).await.changed);
        assert!(!nova.does(ann, Block { user: dan }).await.changed);
        assert_eq!(nova.log.head(), before.len() as u64, "nothing of this left a trace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_where_it_was() {
    let mut nova = Nova::new();
    let people = nova.people(8).await;
    let conversation = nova.group(people[0], &people[1..]).await;
    let mut expected = 0;
    for _ in 0..5 {
        let runs = (0..200).map(|n| nova.does(people[n % 8], say(conversation, n.to_string())));
        let mut seqs: Vec<u64> = at_once(runs).await.iter().filter_map(|outcome| outcome.revision).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (expected..expected + 200).collect::<Vec<_>>());
        expected += 200;
        nova = nova.restart();
    }
    nova.history().await;
}

impl Nova {
    fn register_change(&self, handle: &str) -> ChangeProfile {
        let handle = Some((handle.to_owned(), self.executor().handle_key(handle)));
        ChangeProfile { handle, ..ChangeProfile::default() }
    }
}

//! The twelve people.

use nova_http::Role;
use serde_json::json;
use uuid::Uuid;

use crate::client::User;
use crate::world::World;

pub(crate) const PEOPLE: [&str; 12] = [
    // Without a token.
    "anonymous",
    // Whose thing it is: the author, the admin, the one who uploads.
    "owner",
    "stranger",
    // The owner blocks them.
    "blocked",
    // They block the owner.
    "blocker",
    // They follow the owner, and are a member of the group.
    "follower",
    // They were a member of the group.
    "former",
    // A role and no account.
    "moderator",
    "auditor",
    "operator",
    // They have closed their account.
    "deactivated",
    // The author of what is private.
    "private_author",
];

/// One line's people, and who else is needed.
pub(crate) struct Cast {
    people: Vec<User>,
    /// Somebody whom the owner sees and who has no part in anything.
    pub(crate) other: User,
    /// Somebody else whose account is closed.
    pub(crate) closed: User,
}

impl Cast {
    pub(crate) async fn of(world: &World, n: usize) -> Self {
        let mut people = Vec::new();
        for person in PEOPLE {
            people.push(match person {
                "moderator" => world.stranger(Role::Moderator),
                "auditor" => world.stranger(Role::Auditor),
                "operator" => world.stranger(Role::Operator),
                "anonymous" => world.stranger(Role::User),
                person => world.someone(&format!("{person}_{n}")).await,
            });
        }
        let (other, closed) =
            (world.someone(&format!("other_{n}")).await, world.someone(&format!("closed_{n}")).await);
        let cast = Self { people, other, closed };
        let owner = cast.owner();
        owner.blocks(cast.person("blocked")).await;
        cast.person("blocker").blocks(owner).await;
        cast.person("follower").follows(owner).await;
        cast.person("deactivated").delete("/users/me").await.ok();
        cast.closed.delete("/users/me").await.ok();
        cast
    }

    pub(crate) fn person(&self, name: &str) -> &User {
        &self.people[PEOPLE.iter().position(|person| *person == name).unwrap()]
    }

    pub(crate) fn owner(&self) -> &User {
        self.person("owner")
    }

    pub(crate) fn private_author(&self) -> &User {
        self.person("private_author")
    }

    /// With a message of the owner.
    pub(crate) async fn group(&self) -> (Uuid, Uuid) {
        let others = [self.person("follower"), self.person("former"), &self.other];
        let group = self.owner().starts_group("the group", &others).await;
        let former = self.person("former").id;
        self.owner().delete(&format!("/conversations/{group}/members/{former}")).await.ok();
        (group, self.owner().says(group, "a message").await)
    }

    /// A post and a comment on it, by the same.
    pub(crate) async fn post(&self, thing: &str, media: &[Uuid]) -> (Uuid, Uuid) {
        let (author, visibility) = match thing {
            "private" => (self.private_author(), "private"),
            "followers" => (self.owner(), "followers"),
            _ => (self.owner(), "public"),
        };
        let body = json!({"text": "a post", "visibility": visibility, "media_ids": media});
        let post = author.post("/posts", body).await.id();
        let comment = author.comments(post, "a comment", None).await;
        if thing == "deleted" {
            author.delete(&format!("/posts/{post}")).await.ok();
        }
        (post, comment)
    }
}

//! Conversations, their members, how far they are and have been read. Messages are in [`messages`].

mod messages;

use std::collections::{BTreeMap, HashMap, HashSet};

use nova_events::conversation::{ConversationKind, Role};
use nova_views::{Change, What};
use sqlx::Row as _;
use uuid::Uuid;

use super::{ROWS_MAX, Tables, by_key, clean, int};

pub(super) async fn apply(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    conversations(tables, changes).await?;
    members(tables, changes).await?;
    messages::apply(tables, changes).await?;
    activity(tables, changes).await?;
    reads(tables, changes).await?;
    delivered(tables, changes).await
}

#[derive(Debug, Clone)]
struct Conversation {
    kind: i16,
    title: Option<String>,
    created_at: i64,
    v: i64,
}

async fn conversations(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let of = |change: &Change| match &change.what {
        What::Conversation { conversation, .. } | What::ConversationTitle { conversation, .. } => {
            Some(conversation.0)
        }
        // Changes of other tables and views.
        _ => None,
    };
    for all in by_key(changes, of).chunks(ROWS_MAX) {
        let new: Vec<(Uuid, Conversation)> =
            all.iter().filter_map(|(id, changes)| Some((*id, after(None, changes)?))).collect();
        let inserted = insert(tables, &new).await?;
        let rest: Vec<&(Uuid, Vec<&Change>)> = all.iter().filter(|(id, _)| !inserted.contains(id)).collect();
        let held = load(tables, rest.iter().map(|(id, _)| *id).collect()).await?;
        let newer = |(id, changes): &(Uuid, Vec<&Change>)| {
            let before = held.get(id)?;
            let conversation = after(Some(before), changes)?;
            (conversation.v > before.v).then_some((*id, conversation))
        };
        let updates: Vec<(Uuid, Conversation)> = rest.into_iter().filter_map(newer).collect();
        update(tables, &updates).await?;
    }
    Ok(())
}

/// A title that comes before the conversation has no place, and cannot come: both are of one stream.
fn after(before: Option<&Conversation>, changes: &[&Change]) -> Option<Conversation> {
    let mut held = before.cloned();
    for change in changes {
        let v = int(change.version);
        if held.as_ref().is_some_and(|held| v <= held.v) {
            continue;
        }
        let text = |title: &Option<String>| title.as_deref().map(|title| clean(title).into_owned());
        match &change.what {
            What::Conversation { kind, title, created_at, .. } => {
                let (kind, created_at) = (kind_code(*kind), created_at.timestamp_millis());
                held = Some(Conversation { kind, title: text(title), created_at, v });
            }
            What::ConversationTitle { title, .. } => {
                held = held.map(|held| Conversation { title: text(title), v, ..held });
            }
            // Changes of other tables and views.
            _ => {}
        }
    }
    held
}

/// Returns those that were not there.
async fn insert(tables: &mut Tables<'_>, some: &[(Uuid, Conversation)]) -> sqlx::Result<HashSet<Uuid>> {
    if some.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = "INSERT INTO {s}.conversations (id, kind, title, created_at, v)
               SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[])
               ON CONFLICT (id) DO NOTHING RETURNING id";
    let rows = bound(tables, sql, some).fetch_all(&mut *tables.db).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn update(tables: &mut Tables<'_>, some: &[(Uuid, Conversation)]) -> sqlx::Result<()> {
    if some.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE {s}.conversations AS held
               SET kind = c.kind, title = c.title, created_at = c.created_at, v = c.v
               FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[])
                   AS c (id, kind, title, created_at, v)
               WHERE held.id = c.id";
    bound(tables, sql, some).execute(&mut *tables.db).await.map(|_| ())
}

fn bound<'a>(
    tables: &Tables<'_>,
    sql: &str,
    some: &'a [(Uuid, Conversation)],
) -> sqlx::query::Query<'a, sqlx::Postgres, sqlx::postgres::PgArguments> {
    let all = || some.iter().map(|(_, conversation)| conversation);
    tables
        .sql(sql)
        .bind(some.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(all().map(|conversation| conversation.kind).collect::<Vec<_>>())
        .bind(all().map(|conversation| conversation.title.as_deref()).collect::<Vec<_>>())
        .bind(all().map(|conversation| conversation.created_at).collect::<Vec<_>>())
        .bind(all().map(|conversation| conversation.v).collect::<Vec<_>>())
}

async fn load(tables: &mut Tables<'_>, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, Conversation>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT id, kind, title, created_at, v FROM {s}.conversations
               WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    let rows = tables.sql(sql).bind(ids).fetch_all(&mut *tables.db).await?;
    rows.iter()
        .map(|row| {
            let (kind, title) = (row.try_get(1)?, row.try_get(2)?);
            let conversation = Conversation { kind, title, created_at: row.try_get(3)?, v: row.try_get(4)? };
            Ok((row.try_get(0)?, conversation))
        })
        .collect()
}

/// How a membership ends up in the step.
#[derive(Debug)]
struct Member {
    role: Option<i16>,
    /// For one that is not there yet.
    first_at: i64,
    /// When they last joined, and the version of that. What is held keeps its time unless this is newer.
    joined: Option<(i64, i64)>,
    v: i64,
}

async fn members(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let mut said: Vec<(Uuid, Uuid, Option<Role>, i64, bool, i64)> = Vec::new();
    for change in changes {
        let v = int(change.version);
        match &change.what {
            What::Conversation { conversation, created_at, members, .. } => {
                let at = created_at.timestamp_millis();
                let all = members.iter();
                said.extend(all.map(|(user, role)| (user.0, conversation.0, Some(*role), at, true, v)));
            }
            What::Member { conversation, user, role, at, joined } => {
                said.push((user.0, conversation.0, *role, at.timestamp_millis(), *joined, v));
            }
            // Changes of other tables and views.
            _ => {}
        }
    }
    said.sort_by_key(|(user, conversation, .., v)| (*user, *conversation, *v));
    let mut members = BTreeMap::<(Uuid, Uuid), Member>::new();
    for (user, conversation, role, at, joined, v) in said {
        let role = role.map(role_code);
        let joined_now = joined.then_some((at, v));
        let member = members.entry((user, conversation)).or_insert(Member {
            role,
            first_at: at,
            joined: joined_now,
            v,
        });
        (member.role, member.v) = (role, v);
        member.joined = joined_now.or(member.joined);
    }
    let sql = "INSERT INTO {s}.members AS held (user_id, conversation, role, joined_at, v)
               SELECT m.user_id, m.conversation, m.role, coalesce(m.joined_at, m.first_at), m.v
               FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[])
                   AS m (user_id, conversation, role, first_at, joined_at, v)
               ON CONFLICT (user_id, conversation) DO UPDATE SET role = excluded.role, v = excluded.v
               WHERE excluded.v > held.v";
    // Before the version moves: it says whether they have joined since.
    let sql_joined = "UPDATE {s}.members AS held SET joined_at = j.joined_at
               FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
                   AS j (user_id, conversation, joined_at, v)
               WHERE held.user_id = j.user_id AND held.conversation = j.conversation AND held.v < j.v";
    let members: Vec<((Uuid, Uuid), Member)> = members.into_iter().collect();
    for some in members.chunks(ROWS_MAX) {
        let joined: Vec<_> = some.iter().filter_map(|(key, member)| Some((*key, member.joined?))).collect();
        if !joined.is_empty() {
            let query = tables
                .sql(sql_joined)
                .bind(joined.iter().map(|((user, _), _)| *user).collect::<Vec<_>>())
                .bind(joined.iter().map(|((_, conversation), _)| *conversation).collect::<Vec<_>>())
                .bind(joined.iter().map(|(_, (at, _))| *at).collect::<Vec<_>>())
                .bind(joined.iter().map(|(_, (_, v))| *v).collect::<Vec<_>>());
            query.execute(&mut *tables.db).await?;
        }
        let all = || some.iter().map(|(_, member)| member);
        let query = tables
            .sql(sql)
            .bind(some.iter().map(|((user, _), _)| *user).collect::<Vec<_>>())
            .bind(some.iter().map(|((_, conversation), _)| *conversation).collect::<Vec<_>>())
            .bind(all().map(|member| member.role).collect::<Vec<_>>())
            .bind(all().map(|member| member.first_at).collect::<Vec<_>>())
            .bind(all().map(|member| member.joined.map(|(at, _)| at)).collect::<Vec<_>>())
            .bind(all().map(|member| member.v).collect::<Vec<_>>());
        query.execute(&mut *tables.db).await?;
    }
    Ok(())
}

/// What was said last, and when.
async fn activity(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let mut latest = BTreeMap::<Uuid, (u64, Option<i64>)>::new();
    for change in changes {
        let (conversation, seq, at) = match &change.what {
            What::Message { conversation, seq, created_at, .. } => {
                (conversation, *seq, Some(created_at.timestamp_millis()))
            }
            What::MessageBody { conversation, seq, .. } | What::MessageDeleted { conversation, seq, .. } => {
                (conversation, *seq, None)
            }
            // Changes of other tables and views.
            _ => continue,
        };
        let last = latest.entry(conversation.0).or_default();
        *last = (last.0.max(seq), last.1.max(at));
    }
    let sql = "INSERT INTO {s}.activity AS held (conversation, last_seq, last_at)
               SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])
               ON CONFLICT (conversation) DO UPDATE SET last_seq = greatest(held.last_seq, excluded.last_seq),
                   last_at = greatest(held.last_at, excluded.last_at)
               WHERE excluded.last_seq > held.last_seq
                   OR excluded.last_at > held.last_at OR (held.last_at IS NULL AND excluded.last_at IS NOT NULL)";
    let latest: Vec<(Uuid, (u64, Option<i64>))> = latest.into_iter().collect();
    for some in latest.chunks(ROWS_MAX) {
        let query = tables
            .sql(sql)
            .bind(some.iter().map(|(conversation, _)| *conversation).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, (seq, _))| int(*seq)).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, (_, at))| *at).collect::<Vec<_>>());
        query.execute(&mut *tables.db).await?;
    }
    Ok(())
}

async fn reads(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let read = |change: &Change| match &change.what {
        What::ReadUpTo { conversation, user, seq } => Some(((conversation.0, user.0), *seq)),
        // Changes of other tables and views.
        _ => None,
    };
    let sql = "INSERT INTO {s}.reads AS held (conversation, user_id, seq)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])
               ON CONFLICT (conversation, user_id) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > held.seq";
    marks(tables, sql, changes.iter().filter_map(|change| read(change))).await
}

async fn delivered(tables: &mut Tables<'_>, changes: &[&Change]) -> sqlx::Result<()> {
    let delivered = |change: &Change| match &change.what {
        What::DeliveredUpTo { conversation, user, seq } => Some(((conversation.0, user.0), *seq)),
        // Changes of other tables and views.
        _ => None,
    };
    let sql = "INSERT INTO {s}.delivered AS held (conversation, user_id, seq)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])
               ON CONFLICT (conversation, user_id) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > held.seq";
    marks(tables, sql, changes.iter().filter_map(|change| delivered(change))).await
}

/// The furthest mark of each member of a conversation.
async fn marks(
    tables: &mut Tables<'_>,
    sql: &str,
    said: impl Iterator<Item = ((Uuid, Uuid), u64)>,
) -> sqlx::Result<()> {
    let mut furthest = BTreeMap::<(Uuid, Uuid), u64>::new();
    for (whose, seq) in said {
        let held = furthest.entry(whose).or_default();
        *held = (*held).max(seq);
    }
    let furthest: Vec<((Uuid, Uuid), u64)> = furthest.into_iter().collect();
    for some in furthest.chunks(ROWS_MAX) {
        let query = tables
            .sql(sql)
            .bind(some.iter().map(|((conversation, _), _)| *conversation).collect::<Vec<_>>())
            .bind(some.iter().map(|((_, user), _)| *user).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, seq)| int(*seq)).collect::<Vec<_>>());
        query.execute(&mut *tables.db).await?;
    }
    Ok(())
}

fn kind_code(kind: ConversationKind) -> i16 {
    match kind {
        ConversationKind::Direct => 0,
        ConversationKind::Group => 1,
    }
}

fn role_code(role: Role) -> i16 {
    match role {
        Role::Member => 0,
        Role::Admin => 1,
    }
}

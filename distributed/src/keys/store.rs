//! The tables of the wrapped keys.

use std::collections::{HashMap, HashSet};

use nova_events::wrapping::Wrapping;
use nova_events::{Class, UserId};
use sqlx::postgres::PgPool;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyring::PostgresKeyringError;

/// Told with the subject when its keys are destroyed.
pub(super) const CHANNEL: &str = "nova_keys_destroyed";
const SECRET_BYTES: usize = Class::ALL.len() * 32;

/// The keys of a subject, as they are stored.
pub(super) enum Held {
    Destroyed,
    /// In the order of [`Class::ALL`].
    Keys(Zeroizing<Vec<u8>>),
}

pub(super) struct KeyStore {
    pool: PgPool,
    wrapping: Wrapping,
}

impl KeyStore {
    pub(super) fn new(pool: PgPool, wrapping: Wrapping) -> Self {
        Self { pool, wrapping }
    }

    /// The secret of that name, made if there is none: by whichever process comes first. That it cannot be unwrapped shows
    /// a wrong master key.
    pub(super) async fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, PostgresKeyringError> {
        let purpose = [b"nova secret v1 ", name.as_bytes()].concat();
        if let Some(wrapped) = self.find_secret(name).await? {
            return self.wrapping.unwrap(&purpose, &wrapped).ok_or(PostgresKeyringError::OtherMasterKey);
        }
        let secret = random(32)?;
        let wrapped = self.wrapping.wrap(&purpose, &secret).ok_or(PostgresKeyringError::Refused)?;
        sqlx::query("INSERT INTO nova.secrets (name, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(wrapped)
            .execute(&self.pool)
            .await?;
        let wrapped = self.find_secret(name).await?.ok_or(PostgresKeyringError::Damaged)?;
        self.wrapping.unwrap(&purpose, &wrapped).ok_or(PostgresKeyringError::OtherMasterKey)
    }

    async fn find_secret(&self, name: &str) -> Result<Option<Vec<u8>>, PostgresKeyringError> {
        let found = sqlx::query_scalar("SELECT wrapped FROM nova.secrets WHERE name = $1").bind(name);
        Ok(found.fetch_optional(&self.pool).await?)
    }

    /// Those of the subjects that have, or had, keys.
    pub(super) async fn load(
        &self,
        subjects: &[UserId],
    ) -> Result<HashMap<UserId, Result<Held, PostgresKeyringError>>, PostgresKeyringError> {
        let ids: Vec<Uuid> = subjects.iter().map(|subject| subject.0).collect();
        let rows: Vec<(Uuid, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT subject, wrapped FROM nova.subject_keys WHERE subject = ANY($1)")
                .bind(ids)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows
            .into_iter()
            .map(|(id, wrapped)| (UserId(id), self.held(UserId(id), wrapped.as_deref())))
            .collect())
    }

    fn held(&self, subject: UserId, wrapped: Option<&[u8]>) -> Result<Held, PostgresKeyringError> {
        let Some(wrapped) = wrapped else { return Ok(Held::Destroyed) };
        let keys = self.wrapping.unwrap(&purpose(subject), wrapped);
        let keys = keys.filter(|keys| keys.len() == SECRET_BYTES);
        keys.map(Held::Keys).ok_or(PostgresKeyringError::Damaged)
    }

    /// Returns those of the subjects that are users in the log.
    pub(super) async fn users_among(
        &self,
        subjects: &[UserId],
    ) -> Result<HashSet<UserId>, PostgresKeyringError> {
        let ids: Vec<Uuid> = subjects.iter().map(|subject| subject.0).collect();
        let sql = "SELECT subject FROM unnest($1::uuid[]) AS asked (subject) \
                   WHERE EXISTS (SELECT 1 FROM nova.events WHERE stream = 'user-' || subject::text)";
        let users: Vec<Uuid> = sqlx::query_scalar(sql).bind(ids).fetch_all(&self.pool).await?;
        Ok(users.into_iter().map(UserId).collect())
    }

    /// Fails with the first user of the log who has neither a key nor a tombstone. Reads the index of the users' events.
    pub(super) async fn check_complete(&self) -> Result<(), PostgresKeyringError> {
        let sql = "SELECT substr(stream, 6)::uuid, position FROM nova.events \
                   WHERE category = 'user' AND revision = 0 AND NOT EXISTS ( \
                       SELECT 1 FROM nova.subject_keys WHERE subject = substr(stream, 6)::uuid) \
                   ORDER BY position LIMIT 1";
        let mut transaction = self.pool.begin().await?;
        // It takes seconds with millions of users.
        sqlx::query("SET LOCAL statement_timeout = '600s'").execute(&mut *transaction).await?;
        let missing: Option<(Uuid, i64)> = sqlx::query_as(sql).fetch_optional(&mut *transaction).await?;
        transaction.rollback().await?;
        missing.map_or(Ok(()), |(subject, position)| {
            Err(PostgresKeyringError::Missing { subject: UserId(subject), position: position as u64 })
        })
    }

    /// Makes keys for subjects that have none, all in one commit. Those that have some, or had, are left as they are.
    pub(super) async fn make(&self, subjects: &[UserId]) -> Result<(), PostgresKeyringError> {
        // In one order, so that two processes with the same subjects do not wait for each other.
        let mut subjects = subjects.to_vec();
        subjects.sort_unstable();
        subjects.dedup();
        let mut wrapped = Vec::with_capacity(subjects.len());
        for subject in &subjects {
            let keys = random(SECRET_BYTES)?;
            let keys = self.wrapping.wrap(&purpose(*subject), &keys);
            wrapped.push(keys.ok_or(PostgresKeyringError::Refused)?);
        }
        let ids: Vec<Uuid> = subjects.iter().map(|subject| subject.0).collect();
        sqlx::query(
            "INSERT INTO nova.subject_keys (subject, wrapped) \
             SELECT subject, wrapped FROM unnest($1::uuid[], $2::bytea[]) AS made (subject, wrapped) \
             ON CONFLICT DO NOTHING",
        )
        .bind(ids)
        .bind(wrapped)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Also for those that never had keys. The notification comes with the commit.
    pub(super) async fn destroy(&self, subject: UserId) -> Result<(), PostgresKeyringError> {
        sqlx::query(
            "WITH gone AS ( \
                INSERT INTO nova.subject_keys (subject, wrapped) VALUES ($1, NULL) \
                ON CONFLICT (subject) DO UPDATE SET wrapped = NULL RETURNING subject) \
             SELECT pg_notify($2, subject::text) FROM gone",
        )
        .bind(subject.0)
        .bind(CHANNEL)
        .fetch_all(&self.pool)
        .await?;
        Ok(())
    }
}

fn purpose(subject: UserId) -> Vec<u8> {
    [b"nova subject keys v1 ".as_slice(), subject.0.as_bytes()].concat()
}

fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, PostgresKeyringError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PostgresKeyringError::Refused)?;
    Ok(bytes)
}

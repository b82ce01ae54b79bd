//! The scripts that run in Redis: each takes effect whole, alone, and looks at what is live before it writes.

use std::time::Instant;

use nova_views::ViewError;
use redis::aio::ConnectionManager;
use redis::{FromRedisValue, Script, ToRedisArgs, Value};

use super::connect::view_error;
use super::names;

#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) posts: Named,
    pub(super) fan_out: Named,
    pub(super) edges: Named,
    pub(super) merge: Named,
    pub(super) spread: Named,
    pub(super) commit: Named,
    pub(super) cursor: Named,
    pub(super) switch: Named,
    pub(super) read: Named,
    pub(super) begin: Named,
    pub(super) gather: Named,
    pub(super) finish: Named,
    pub(super) members: Named,
    pub(super) window: Named,
    pub(super) said: Named,
    pub(super) marks: Named,
    pub(super) marked: Named,
    pub(super) follows: Named,
    pub(super) refill: Named,
    pub(super) replace: Named,
}

#[derive(Debug)]
pub(super) struct Named {
    name: &'static str,
    script: Script,
    prefix: String,
}

macro_rules! script {
    ($name:literal, $prefix:expr) => {
        Named {
            name: $name,
            script: Script::new(concat!(
                include_str!("lua/common.lua"),
                include_str!(concat!("lua/", $name, ".lua"))
            )),
            prefix: $prefix.to_owned(),
        }
    };
}

impl Scripts {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            posts: script!("posts", prefix),
            fan_out: script!("fan_out", prefix),
            edges: script!("edges", prefix),
            merge: script!("merge", prefix),
            spread: script!("spread", prefix),
            commit: script!("commit", prefix),
            cursor: script!("cursor", prefix),
            switch: script!("switch", prefix),
            read: script!("read", prefix),
            begin: script!("begin", prefix),
            gather: script!("gather", prefix),
            finish: script!("finish", prefix),
            members: script!("members", prefix),
            window: script!("window", prefix),
            said: script!("said", prefix),
            marks: script!("marks", prefix),
            marked: script!("marked", prefix),
            follows: script!("follows", prefix),
            refill: script!("refill", prefix),
            replace: script!("replace", prefix),
        }
    }
}

impl Named {
    /// A call, with the prefix as its first argument.
    pub(super) fn call(&self) -> Call<'_> {
        let mut invocation = self.script.prepare_invoke();
        invocation.arg(&self.prefix);
        Call { name: self.name, invocation }
    }
}

pub(super) struct Call<'a> {
    name: &'static str,
    invocation: redis::ScriptInvocation<'a>,
}

impl Call<'_> {
    pub(super) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.invocation.arg(arg);
        self
    }

    pub(super) async fn run(&self, connection: &ConnectionManager) -> Result<Reply, ViewError> {
        let began = Instant::now();
        let answer: redis::RedisResult<Vec<Value>> =
            self.invocation.invoke_async(&mut connection.clone()).await;
        metrics::histogram!(names::SCRIPT_SECONDS, "script" => self.name)
            .record(began.elapsed().as_secs_f64());
        let values = answer.map_err(|error| view_error(&error))?;
        Ok(Reply { values: values.into_iter() })
    }
}

/// What a script answers: a word, then what belongs to it.
#[derive(Debug)]
pub(super) struct Reply {
    values: std::vec::IntoIter<Value>,
}

impl Reply {
    pub(super) fn next<T: FromRedisValue>(&mut self) -> Result<T, ViewError> {
        let value = self.values.next().unwrap_or(Value::Nil);
        T::from_redis_value(value).map_err(|_| unreadable())
    }

    /// The answer of a script that writes: `ok`, or that what it was to write to is not live any more.
    pub(super) fn written(&mut self) -> Result<(), ViewError> {
        if self.next::<String>()? == "ok" { Ok(()) } else { Err(ViewError::Switched) }
    }
}

pub(super) fn unreadable() -> ViewError {
    ViewError::Corrupt("Redis answers something that Nova did not write".to_owned())
}

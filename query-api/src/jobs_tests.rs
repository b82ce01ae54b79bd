use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::*;

/// Works until it is let go.
#[derive(Default)]
struct Slow {
    go: Notify,
    working: Arc<AtomicUsize>,
}

/// A task that takes a moment to let go.
struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(10));
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Tasks for Slow {
    fn check(&self, task: &Task) -> Result<(), FieldError> {
        match task.parts().1 {
            Some("dreams") => {
                Err(FieldError { field: "projection".to_owned(), code: "unknown", detail: String::new() })
            }
            _ => Ok(()),
        }
    }

    async fn perform(&self, task: &Task, progress: Progress<'_>) -> Result<JobOutcome, String> {
        self.working.fetch_add(1, Ordering::SeqCst);
        let _working = Working(Arc::clone(&self.working));
        progress(3, 9);
        self.go.notified().await;
        match task {
            Task::VerifyLog => Err("it is damaged".to_owned()),
            Task::SweepMedia => panic!("the test wants it"),
            _ => Ok(JobOutcome { summary: "done".to_owned(), numbers: BTreeMap::new() }),
        }
    }
}

fn rebuild(projection: &str) -> Task {
    Task::Rebuild { projection: projection.to_owned() }
}

fn started(jobs: &Jobs, task: Task) -> Result<Job, NotStarted> {
    jobs.start(task, "a test".to_owned(), UserId::make())
}

async fn reached(jobs: &Jobs, id: Uuid, holds: impl Fn(&Job) -> bool) -> Job {
    for _ in 0..1_000 {
        let job = jobs.get(id).unwrap();
        if holds(&job) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", jobs.get(id));
}

async fn ended(jobs: &Jobs, id: Uuid) -> Job {
    reached(jobs, id, |job| job.state != JobState::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_at_a_time_works_on_a_thing() {
    let slow = Arc::new(Slow::default());
    let jobs = Jobs::new(slow.clone(), Handle::current());
    let first = started(&jobs, rebuild("posts")).unwrap();
    let redrive = Task::Redrive { projection: "posts".to_owned(), stream: Some("post-1".to_owned()) };
    for task in [rebuild("posts"), redrive.clone()] {
        assert_eq!(started(&jobs, task).unwrap_err(), NotStarted::Busy(first.id));
    }
    let other = started(&jobs, rebuild("feed")).unwrap();
    let outbox = started(&jobs, Task::RedriveOutbox { stream: None }).unwrap();
    let one = Task::RedriveOutbox { stream: Some("post-1".to_owned()) };
    assert_eq!(started(&jobs, one).unwrap_err(), NotStarted::Busy(outbox.id));
    assert!(matches!(started(&jobs, rebuild("dreams")).unwrap_err(), NotStarted::Invalid(_)));
    let running = reached(&jobs, first.id, |job| job.total == 9).await;
    assert_eq!((running.done, running.state, running.ended_at), (3, JobState::Running, None));
    for id in [first.id, other.id, outbox.id] {
        reached(&jobs, id, |job| job.total == 9).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    slow.go.notify_waiters();
    for id in [first.id, other.id, outbox.id] {
        let job = ended(&jobs, id).await;
        assert_eq!((job.state, job.outcome.unwrap().summary.as_str()), (JobState::Done, "done"));
    }
    started(&jobs, redrive).unwrap();
    assert_eq!(jobs.list().len(), 4);
    jobs.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_and_panics_end_a_job() {
    let slow = Arc::new(Slow::default());
    let jobs = Jobs::new(slow.clone(), Handle::current());
    for (task, told) in [(Task::VerifyLog, "it is damaged"), (Task::SweepMedia, "it panicked")] {
        let id = started(&jobs, task).unwrap().id;
        slow.go.notify_one();
        let job = ended(&jobs, id).await;
        assert_eq!(job.state, JobState::Failed);
        assert!(job.error.unwrap().starts_with(told));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_are_remembered_and_whatever_runs() {
    let slow = Arc::new(Slow::default());
    let jobs = Jobs::new(slow.clone(), Handle::current());
    let ids: Vec<Uuid> =
        (0..REMEMBERED_MAX + 20).map(|n| started(&jobs, rebuild(&format!("p{n}"))).unwrap().id).collect();
    assert_eq!(jobs.list().len(), ids.len(), "all of them run");
    for id in &ids {
        reached(&jobs, *id, |job| job.total == 9).await;
    }
    while slow.working.load(Ordering::SeqCst) > 0 {
        slow.go.notify_waiters();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for id in &ids {
        ended(&jobs, *id).await;
    }
    let last = started(&jobs, rebuild("last")).unwrap();
    assert_eq!(jobs.list().len(), REMEMBERED_MAX);
    assert_eq!(jobs.list()[0].id, last.id);
    assert!(jobs.get(ids[0]).is_none());
    jobs.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_until_what_runs_has_let_go() {
    let slow = Arc::new(Slow::default());
    let jobs = Jobs::new(slow.clone(), Handle::current());
    let id = started(&jobs, rebuild("posts")).unwrap().id;
    reached(&jobs, id, |job| job.total == 9).await;
    assert_eq!(slow.working.load(Ordering::SeqCst), 1);
    tokio::time::timeout(Duration::from_secs(10), jobs.stop()).await.unwrap();
    assert_eq!(slow.working.load(Ordering::SeqCst), 0);
    let job = jobs.get(id).unwrap();
    assert_eq!((job.state, job.error.as_deref()), (JobState::Failed, Some("the process stops")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_broken_off_makes_room_for_the_next() {
    let slow = Arc::new(Slow::default());
    let jobs = Jobs::new(slow.clone(), Handle::current());
    let id = started(&jobs, rebuild("posts")).unwrap().id;
    reached(&jobs, id, |job| job.total == 9).await;
    let job = jobs.break_off(id).unwrap();
    assert_eq!((job.state, job.error.as_deref()), (JobState::Failed, Some("an operator broke it off")));
    assert!(job.ended_at.is_some());
    assert!(jobs.break_off(Uuid::now_v7()).is_none());
    let next = started(&jobs, rebuild("posts")).unwrap().id;
    slow.go.notify_one();
    assert_eq!(ended(&jobs, next).await.state, JobState::Done);
    assert_eq!(jobs.break_off(next).unwrap().state, JobState::Done, "one that has ended stays as it is");
    assert_eq!(jobs.get(id).unwrap().error.as_deref(), Some("an operator broke it off"));
}

#[test]
fn a_task_has_what_its_kind_takes() {
    let some = |text: &str| Some(text.to_owned());
    let fields =
        |errors: Vec<FieldError>| -> Vec<String> { errors.into_iter().map(|one| one.field).collect() };
    assert_eq!(Task::new(JobKind::Rebuild, some("posts"), None), Ok(rebuild("posts")));
    for (kind, projection, stream, wrong) in [
        (JobKind::Rebuild, None, None, vec!["projection"]),
        (JobKind::Rebuild, some("posts"), some("post-1"), vec!["stream"]),
        (JobKind::Redrive, None, some("post-1"), vec!["projection"]),
        (JobKind::RedriveOutbox, some("posts"), None, vec!["projection"]),
        (JobKind::SweepMedia, some("posts"), some("post-1"), vec!["projection", "stream"]),
        (JobKind::VerifyLog, None, some("post-1"), vec!["stream"]),
    ] {
        assert_eq!(fields(Task::new(kind, projection, stream).unwrap_err()), wrong, "{kind:?}");
    }
}

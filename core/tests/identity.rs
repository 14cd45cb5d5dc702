//! The login watch against a simulated folder whose files change in every way that a file system allows.

use azure_token_cache_core::identity::{
    Admission, Finish, Look, Mark, Medium, PATIENCE_MS, Parsed, Problem, QUIET_MS, REMOTE_GAP_MS, Reading,
    Run, SETTLE_MS, Start, Verdict, Watch,
};
use azure_token_cache_core::time::{Clock, Instant};
use proptest::prelude::*;

/// A folder with one account file, and the clock of the file system it is on.
struct Folder {
    clock: Clock,
    ms: i64,
    tick_ms: i64,
    account: Option<u8>,
    inode: u64,
    size: u64,
    mtime: i64,
    ctime: i64,
    contents: u64,
    secrets: u64,
    writes: u64,
    medium: Medium,
}

const EPOCH_MS: i64 = 1_700_000_000_000;

impl Folder {
    fn new(tick_ms: i64) -> Self {
        let mut folder = Self {
            clock: Clock::default(),
            ms: 0,
            tick_ms,
            account: Some(0),
            inode: 1,
            size: 7,
            mtime: 0,
            ctime: 0,
            contents: 0,
            secrets: 0,
            writes: 0,
            medium: Medium::Local,
        };
        folder.write(Some(0));
        folder
    }

    fn now(&mut self) -> Instant {
        self.clock.sample(self.ms, EPOCH_MS + self.ms)
    }

    fn tick(&self) -> i64 {
        self.ms - self.ms.rem_euclid(self.tick_ms)
    }

    /// Rewrites in place, with the same size; contents of one account are the same bytes each time.
    fn write(&mut self, account: Option<u8>) {
        self.mtime = self.tick();
        self.ctime = self.tick();
        self.account = account;
        self.writes += 1;
        self.contents = account.map_or(1_000, u64::from);
    }

    /// Puts another file in its place, as `cp -p` and a rename do: its modification time is kept, its number may be.
    fn replace(&mut self, account: Option<u8>, same_inode: bool) {
        let mtime = self.mtime;
        self.write(account);
        self.mtime = mtime;
        self.inode += u64::from(!same_inode);
    }

    fn witness(&self) -> Mark {
        let times = self.mtime.wrapping_mul(1_000_003).wrapping_add(self.ctime.wrapping_mul(7));
        Mark::new(
            times
                .unsigned_abs()
                .wrapping_mul(31)
                .wrapping_add(self.inode.wrapping_mul(1_009))
                .wrapping_add(self.size),
        )
    }

    fn reading(&self) -> Reading<u8> {
        Reading {
            witness: self.witness(),
            contents: Mark::new(self.contents),
            secrets: Mark::new(self.secrets),
            written_unix_ms: EPOCH_MS + self.mtime.max(self.ctime),
            medium: self.medium,
            account: self.account.map_or(Parsed::Unparsable, Parsed::Account),
        }
    }
}

/// What a call with a token in hand ended in.
#[derive(Debug, PartialEq)]
enum Answer {
    Served,
    Said(Verdict),
}

fn call(watch: &mut Watch<u8>, folder: &mut Folder) -> Answer {
    let now = folder.now();
    let serve = match watch.look(now) {
        Look::Serve => true,
        Look::Witness => watch.handle_witness(folder.witness(), now),
        Look::Read => false,
    };
    if serve {
        return Answer::Served;
    }
    watch.handle_reading(folder.reading(), now);
    match watch.verdict(now) {
        Verdict::Same => Answer::Served,
        verdict => Answer::Said(verdict),
    }
}

fn read(watch: &mut Watch<u8>, folder: &mut Folder) -> Instant {
    let now = folder.now();
    watch.handle_reading(folder.reading(), now);
    now
}

/// A folder whose first account has been there for a minute, and a watch that has settled on it.
fn settled() -> (Watch<u8>, Folder) {
    let mut folder = Folder::new(4);
    folder.ms = 60_000;
    let mut watch = Watch::new(1);
    assert_eq!(call(&mut watch, &mut folder), Answer::Served);
    folder.ms += SETTLE_MS;
    assert_eq!(call(&mut watch, &mut folder), Answer::Served);
    folder.ms += 1;
    let now = folder.now();
    assert_eq!(watch.look(now), Look::Witness);
    (watch, folder)
}

fn begun(watch: &Watch<u8>, now: Instant) -> Run<u8> {
    match watch.start(now.monotonic_ms(), now) {
        Start::Go(run) => run,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_new_witness_is_read_until_it_has_settled() {
    let mut folder = Folder::new(2_000);
    let mut watch = Watch::new(1);
    let _ = call(&mut watch, &mut folder);
    folder.ms += SETTLE_MS - 1;
    let _ = call(&mut watch, &mut folder);
    folder.ms += 1;
    let now = folder.now();
    assert_eq!(watch.look(now), Look::Read);
    let _ = call(&mut watch, &mut folder);
    folder.ms += 1;
    let now = folder.now();
    assert_eq!(watch.look(now), Look::Witness);
}

#[test]
fn other_contents_begin_to_settle_anew() {
    let mut folder = Folder::new(1_000_000);
    let mut watch = Watch::new(1);
    let _ = call(&mut watch, &mut folder);
    folder.ms += 1_000;
    folder.write(Some(1));
    let _ = call(&mut watch, &mut folder);
    folder.ms += SETTLE_MS - 1_000;
    let _ = call(&mut watch, &mut folder);
    folder.ms += 1;
    let now = folder.now();
    assert_eq!(watch.look(now), Look::Read);
}

#[test]
fn at_most_one_look_a_millisecond() {
    let (mut watch, mut folder) = settled();
    assert_eq!(call(&mut watch, &mut folder), Answer::Served);
    let now = folder.now();
    assert_eq!(watch.look(now), Look::Serve);
    folder.ms += 1;
    let now = folder.now();
    assert_eq!(watch.look(now), Look::Witness);
}

#[test]
fn two_writes_in_one_tick_are_seen_although_the_witness_is_the_same() {
    let mut folder = Folder::new(2_000);
    let mut watch = Watch::new(1);
    let _ = call(&mut watch, &mut folder);
    let witness = folder.witness();
    folder.ms += 1;
    folder.write(Some(1));
    assert_eq!(folder.witness(), witness);
    assert_eq!(call(&mut watch, &mut folder), Answer::Said(Verdict::Changed));
}

#[test]
fn the_coarsest_tick_is_over_before_a_witness_is_trusted() {
    let mut folder = Folder::new(2_000);
    let mut watch = Watch::new(1);
    for at in [0, 1_000, 1_998] {
        folder.ms = at;
        assert_eq!(call(&mut watch, &mut folder), Answer::Served);
    }
    folder.ms = 1_999;
    folder.write(Some(1));
    folder.ms = 2_000;
    assert_eq!(call(&mut watch, &mut folder), Answer::Said(Verdict::Changed));
}

#[test]
fn an_idempotent_rewrite_keeps_tokens_and_a_new_session_does_not() {
    let (mut watch, mut folder) = settled();
    let session = watch.session();
    folder.ms += 10;
    folder.write(Some(0));
    assert_eq!(call(&mut watch, &mut folder), Answer::Served);
    folder.ms += 10;
    folder.write(Some(0));
    folder.secrets += 1;
    assert_eq!(call(&mut watch, &mut folder), Answer::Said(Verdict::Touched { session: session + 1 }));
    assert_eq!(watch.session(), session + 1);
}

#[test]
fn the_secrets_that_a_run_wrote_are_those_kept_with_its_token() {
    let (mut watch, mut folder) = settled();
    folder.secrets += 1;
    watch.keep_secrets(folder.reading().secrets);
    folder.ms += 10;
    folder.write(Some(0));
    assert_eq!(call(&mut watch, &mut folder), Answer::Served);
}

#[test]
fn secrets_alone_say_nothing() {
    let mut folder = Folder::new(4);
    let mut watch = Watch::new(1);
    let _ = call(&mut watch, &mut folder);
    folder.ms += 10;
    folder.secrets += 1;
    let now = folder.now();
    watch.handle_reading(Reading { account: Parsed::Repeated, ..folder.reading() }, now);
    assert_eq!(watch.verdict(now), Verdict::Same);
}

#[test]
fn torn_contents_serve_nothing_delete_nothing_and_fail_after_five_seconds() {
    let (mut watch, mut folder) = settled();
    folder.ms += 10;
    folder.write(None);
    assert!(matches!(call(&mut watch, &mut folder), Answer::Said(Verdict::Unparsable { .. })));
    folder.ms += PATIENCE_MS - 1;
    assert!(matches!(call(&mut watch, &mut folder), Answer::Said(Verdict::Unparsable { .. })));
    folder.ms += 1;
    assert_eq!(call(&mut watch, &mut folder), Answer::Said(Verdict::GiveUp));
    folder.ms += 60_000;
    assert_eq!(call(&mut watch, &mut folder), Answer::Said(Verdict::GiveUp));
    folder.write(Some(0));
    assert_eq!(call(&mut watch, &mut folder), Answer::Served, "the account is the one that it was");
}

#[test]
fn torn_contents_that_repeat_are_still_torn() {
    let (mut watch, mut folder) = settled();
    for _ in 0..2 {
        folder.ms += 10;
        folder.write(None);
        folder.secrets += 1;
        let now = folder.now();
        watch.handle_reading(Reading { account: Parsed::Repeated, ..folder.reading() }, now);
        assert!(matches!(watch.verdict(now), Verdict::Unparsable { .. }));
    }
}

#[test]
fn contents_said_to_repeat_which_do_not_are_not_believed() {
    let (mut watch, mut folder) = settled();
    folder.ms += 10;
    folder.write(Some(1));
    let now = folder.now();
    watch.handle_reading(Reading { account: Parsed::Repeated, ..folder.reading() }, now);
    assert!(matches!(watch.verdict(now), Verdict::Unparsable { .. }));
}

#[test]
fn what_a_run_learns_is_said_to_the_next_call() {
    let (mut watch, mut folder) = settled();
    folder.ms += 10;
    folder.write(Some(1));
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.look(now), Look::Read);
    assert!(!watch.handle_witness(folder.witness(), now));
    assert_eq!(call(&mut watch, &mut folder), Answer::Said(Verdict::Changed));
    folder.ms += 1;
    assert_eq!(call(&mut watch, &mut folder), Answer::Served);
}

#[test]
fn what_is_not_yet_said_is_not_settled_away() {
    let (mut watch, mut folder) = settled();
    folder.write(Some(1));
    let _ = read(&mut watch, &mut folder);
    folder.ms += SETTLE_MS;
    let now = read(&mut watch, &mut folder);
    assert!(!watch.handle_witness(folder.witness(), now));
    assert_eq!(watch.look(now), Look::Read);
    assert_eq!(watch.verdict(now), Verdict::Changed);
}

#[test]
fn az_starts_at_once_in_a_quiet_folder_and_after_a_pause_in_another() {
    let (mut watch, mut folder) = settled();
    let now = read(&mut watch, &mut folder);
    let _ = begun(&watch, now);
    folder.write(Some(0));
    folder.ms += 10;
    let now = read(&mut watch, &mut folder);
    let asked = now.monotonic_ms();
    let Start::Wait(pause) = watch.start(asked, now) else { unreachable!() };
    assert!((QUIET_MS - 20..=QUIET_MS).contains(&pause), "{pause}");
    folder.ms += pause;
    let now = read(&mut watch, &mut folder);
    let _ = begun(&watch, now);
}

#[test]
fn az_does_not_start_in_a_folder_that_never_rests() {
    let (mut watch, mut folder) = settled();
    let asked = folder.now().monotonic_ms();
    for _ in 0..100 {
        folder.ms += PATIENCE_MS / 100;
        folder.write(Some(0));
        let now = read(&mut watch, &mut folder);
        if now.monotonic_ms() - asked < PATIENCE_MS {
            assert!(matches!(watch.start(asked, now), Start::Wait(_)));
        } else {
            assert_eq!(watch.start(asked, now), Start::Refuse(Problem::Restless));
        }
    }
}

#[test]
fn az_does_not_start_on_torn_files_and_those_that_are_long_torn_are_not_waited_for() {
    let (mut watch, mut folder) = settled();
    folder.write(None);
    let now = read(&mut watch, &mut folder);
    let asked = now.monotonic_ms();
    assert!(matches!(watch.start(asked, now), Start::Wait(_)));
    folder.ms += PATIENCE_MS;
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.start(asked, now), Start::Refuse(Problem::Unparsable));
    assert_eq!(watch.start(now.monotonic_ms(), now), Start::Refuse(Problem::Unparsable));
}

#[test]
fn files_from_the_future_are_quiet_when_they_were_seen_unchanged() {
    let (mut watch, mut folder) = settled();
    folder.mtime = folder.ms + 86_400_000;
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.start(now.monotonic_ms(), now), Start::Wait(QUIET_MS));
    folder.ms += QUIET_MS;
    let now = read(&mut watch, &mut folder);
    let _ = begun(&watch, now);
}

#[test]
fn a_run_is_steady_only_between_two_equal_witnesses() {
    let (mut watch, mut folder) = settled();
    let now = read(&mut watch, &mut folder);
    let run = begun(&watch, now);
    folder.ms += 500;
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.finish(&run, now.monotonic_ms(), now), Finish::Steady);
    folder.write(Some(0));
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.finish(&run, now.monotonic_ms(), now), Finish::Moved { same_account: true });
    folder.ms += 500;
    folder.write(Some(1));
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.finish(&run, now.monotonic_ms(), now), Finish::Moved { same_account: false });
}

#[test]
fn an_account_that_left_and_came_back_while_a_run_went_on_is_another() {
    let (mut watch, mut folder) = settled();
    let now = read(&mut watch, &mut folder);
    let run = begun(&watch, now);
    for account in [1, 0] {
        folder.ms += 500;
        folder.write(Some(account));
        let _ = read(&mut watch, &mut folder);
    }
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.finish(&run, now.monotonic_ms(), now), Finish::Moved { same_account: false });
}

#[test]
fn an_unsettled_run_is_judged_by_contents() {
    let mut folder = Folder::new(2_000);
    folder.ms = 60_000;
    folder.write(Some(0));
    let mut watch = Watch::new(1);
    folder.ms += QUIET_MS;
    let now = read(&mut watch, &mut folder);
    let run = begun(&watch, now);
    folder.ms += 500;
    folder.write(Some(1));
    assert_eq!(folder.witness(), folder.reading().witness);
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.finish(&run, now.monotonic_ms(), now), Finish::Moved { same_account: false });
}

#[test]
fn other_contents_with_the_same_witness_and_account_are_a_move() {
    let (mut watch, mut folder) = settled();
    let now = read(&mut watch, &mut folder);
    let run = begun(&watch, now);
    let now = folder.now();
    watch.handle_reading(Reading { contents: Mark::new(77), ..folder.reading() }, now);
    assert_eq!(watch.finish(&run, now.monotonic_ms(), now), Finish::Moved { same_account: true });
}

#[test]
fn a_run_that_ends_in_torn_contents_waits_for_whole_ones() {
    let (mut watch, mut folder) = settled();
    let now = read(&mut watch, &mut folder);
    let run = begun(&watch, now);
    folder.write(None);
    let now = read(&mut watch, &mut folder);
    let ended = now.monotonic_ms();
    assert!(matches!(watch.finish(&run, ended, now), Finish::Wait(_)));
    folder.ms += PATIENCE_MS;
    let now = read(&mut watch, &mut folder);
    assert_eq!(watch.finish(&run, ended, now), Finish::Moved { same_account: false });
}

#[test]
fn another_owner_in_the_same_tenant_is_another_identity() {
    let (mut watch, mut folder) = settled();
    let session = watch.session();
    assert_eq!(watch.admit("t1", "ann"), Admission::Known);
    assert_eq!(watch.admit("t2", "ann-as-a-guest"), Admission::Known);
    assert_eq!(watch.admit("t1", "ann"), Admission::Known);
    assert_eq!(watch.admit("t1", "ben"), Admission::OtherUser);
    assert_eq!(watch.session(), session + 1);
    assert_eq!(call(&mut watch, &mut folder), Answer::Said(Verdict::Changed));
    assert_eq!(watch.admit("t2", "ben-as-a-guest"), Admission::Known, "the epoch before is forgotten");
    folder.ms += 1;
    folder.write(Some(1));
    let _ = call(&mut watch, &mut folder);
    assert_eq!(watch.admit("t1", "ann"), Admission::Known, "a new account begins a new epoch");
}

#[test]
fn people_are_remembered_for_a_bounded_number_of_tenants() {
    let (mut watch, _) = settled();
    for tenant in 0..3_000 {
        assert_eq!(watch.admit(&format!("{tenant:05}"), "ann"), Admission::Known);
    }
    assert_eq!(watch.admit("00000", "ben"), Admission::Known, "forgotten");
    assert_eq!(watch.admit("02999", "ben"), Admission::OtherUser);
}

#[test]
fn on_a_remote_medium_contents_are_read_once_a_second_and_never_settle() {
    let mut folder = Folder { medium: Medium::Remote, ..Folder::new(1) };
    let mut watch = Watch::new(1);
    let _ = call(&mut watch, &mut folder);
    for _ in 0..10 {
        folder.ms += REMOTE_GAP_MS - 1;
        let now = folder.now();
        assert_eq!(watch.look(now), Look::Serve);
        folder.ms += 1;
        let now = folder.now();
        assert_eq!(watch.look(now), Look::Read);
        let _ = call(&mut watch, &mut folder);
    }
}

#[derive(Clone, Debug)]
enum Op {
    Pass(i64),
    Write(Option<u8>),
    Replace { account: Option<u8>, same_inode: bool },
    TouchSecrets,
    Call,
    Begin,
    End,
}

fn op() -> impl Strategy<Value = Op> {
    let account = prop_oneof![4 => (0_u8..3).prop_map(Some), 1 => Just(None)];
    let pass = prop_oneof![
        Just(0_i64),
        Just(1),
        1_i64..50,
        200_i64..300,
        900_i64..1_100,
        2_400_i64..2_600,
        Just(10_000)
    ];
    prop_oneof![
        4 => pass.prop_map(Op::Pass),
        2 => account.clone().prop_map(Op::Write),
        1 => (account, any::<bool>()).prop_map(|(account, same_inode)| Op::Replace { account, same_inode }),
        1 => Just(Op::TouchSecrets),
        5 => Just(Op::Call),
        1 => Just(Op::Begin),
        1 => Just(Op::End),
    ]
}

/// Since when the folder's account has not been the one that the watch holds.
#[derive(Default)]
struct Staleness {
    since: Option<i64>,
}

impl Staleness {
    fn note(&mut self, watch: &Watch<u8>, folder: &Folder) {
        if watch.account().copied() == folder.account {
            self.since = None;
        } else {
            self.since.get_or_insert(folder.ms);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Never served: a token of an account that has not been in the files for longer than the stated staleness. Never
    /// steady: a run at whose two ends another account was logged in, or with a write after a settled start.
    #[test]
    fn never_served_for_another_account(
        ops in prop::collection::vec(op(), 1..120),
        tick_ms in prop_oneof![Just(1_i64), Just(4), Just(10), Just(1_000), Just(2_000)],
        remote in any::<bool>(),
        relaxed in any::<bool>(),
    ) {
        let staleness_ms = if remote || relaxed { REMOTE_GAP_MS } else { 1 };
        let mut watch = Watch::new(if relaxed { 1_000 } else { 1 });
        let medium = if remote { Medium::Remote } else { Medium::Local };
        let mut folder = Folder { medium, ..Folder::new(tick_ms) };
        let mut stale = Staleness::default();
        let mut run = None;
        // What a run's readings learnt is said at the next call, whatever the files hold by then.
        let mut pending = false;
        for op in ops {
            match op {
                Op::Pass(ms) => folder.ms += ms,
                Op::Write(account) => folder.write(account),
                Op::Replace { account, same_inode } => folder.replace(account, same_inode),
                Op::TouchSecrets => folder.secrets += 1,
                Op::Call => {
                    let before = watch.account().copied();
                    let since = stale.since;
                    match call(&mut watch, &mut folder) {
                        Answer::Served => {
                            let waited = since.map_or(0, |since| folder.ms - since);
                            prop_assert!(before.is_none() || waited < staleness_ms, "served {waited} ms after a change");
                        }
                        Answer::Said(Verdict::Changed | Verdict::Touched { .. }) if pending => {}
                        Answer::Said(Verdict::Changed) => prop_assert_ne!(before, folder.account),
                        Answer::Said(Verdict::Unparsable { .. } | Verdict::GiveUp) => prop_assert!(folder.account.is_none()),
                        Answer::Said(_) => prop_assert_eq!(before, folder.account),
                    }
                    pending = false;
                }
                Op::Begin => {
                    let now = read(&mut watch, &mut folder);
                    pending = true;
                    let settled = !remote && folder.ms - folder.ctime >= SETTLE_MS + tick_ms;
                    if let Start::Go(begun) = watch.start(now.monotonic_ms(), now) {
                        prop_assert!(folder.ms - folder.ctime >= QUIET_MS);
                        run = Some((begun, folder.account, folder.writes, settled));
                    }
                }
                Op::End => {
                    let now = read(&mut watch, &mut folder);
                    pending = true;
                    if let Some((begun, account, writes, settled)) = run.take()
                        && watch.finish(&begun, now.monotonic_ms(), now) == Finish::Steady
                    {
                        prop_assert_eq!(account, folder.account);
                        prop_assert!(!settled || writes == folder.writes);
                    }
                }
            }
            stale.note(&watch, &folder);
        }
    }
}

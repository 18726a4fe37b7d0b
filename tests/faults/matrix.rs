//! Each fault at each call of each operation in turn.

use std::fmt;

use futures_util::{StreamExt, stream};
use tradepost_testkit::{Answer, Shape, User, block_on};

use crate::Platform;
use crate::faults::Fault;
use crate::operation::{Operation, Standing};

/// How the store fails: at one call, or from that on at all of them until the client has its answer.
const ALL: [(Fault, bool); 9] = [
    (Fault::Contention("TransactionConflict"), false),
    (Fault::Refusal("ThrottlingException"), false),
    (Fault::ServerError, false),
    (Fault::Unreachable, false),
    (Fault::ConnectionBroken, false),
    (Fault::RequestLost, false),
    (Fault::AnswerLost, false),
    (Fault::Unreachable, true),
    (Fault::ConnectionBroken, true),
];

/// How many operations are tested at the same time.
const AT_ONCE: usize = 3;

#[test]
fn in_one_process() {
    block_on(each_operation(Shape::Monolith, &ALL));
}

/// The store is the same to a process that does less, so there are fewer ways.
#[test]
fn in_a_process_per_module() {
    block_on(each_operation(Shape::Split, &[ALL[0], ALL[4], ALL[8]]));
}

/// Each has a platform of its own, so that several can wait for a store that stays away.
async fn each_operation(shape: Shape, faults: &[(Fault, bool)]) {
    let test = |operation| Box::pin(tells_the_truth_and_is_settled(shape, operation, faults));
    stream::iter(Operation::ALL).map(test).buffer_unordered(AT_ONCE).collect::<()>().await;
}

async fn tells_the_truth_and_is_settled(shape: Shape, operation: Operation, faults: &[(Fault, bool)]) {
    let platform = Platform::start(shape).await;
    let user = platform.trader().await;
    for (fault, is_lasting) in faults.iter().copied() {
        let mut case = Case { platform: &platform, user: &user, operation, fault, is_lasting, call: 0 };
        while case.meets().await {
            case.call += 1;
        }
        assert!(case.call >= 2, "{case} is the last call");
    }
    platform.world.reconcile().await;
}

/// One operation that meets one fault.
struct Case<'a> {
    platform: &'a Platform,
    user: &'a User,
    operation: Operation,
    fault: Fault,
    is_lasting: bool,
    /// The call at which it does.
    call: usize,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, fault, is_lasting, call, .. } = self;
        write!(f, "{operation:?}, {fault:?} at call {call}{}", if *is_lasting { " and after" } else { "" })
    }
}

impl Case<'_> {
    /// Says whether the operation came to that call.
    async fn meets(&self) -> bool {
        let Self { platform, user, operation, fault, is_lasting, call } = self;
        let key = self.to_string().replace(' ', "-");
        let request = operation.prepare(user, &key).await;
        let before = Standing::of(user).await;
        platform.line.fail_at(*call, *fault);
        if *is_lasting {
            platform.line.always_fail(*fault);
        }
        let first = request.send(user, &key).await;
        let is_met = platform.line.is_spent();
        platform.line.heal();

        let (status, change) = operation.outcome();
        let is_done = is_done(&first, status, self);
        if is_done {
            assert_eq!(Standing::of(user).await.since(before), change, "{self}: {first:?}");
        }
        let settled = platform.settle(user, &request, &key).await;
        assert_eq!(settled.status, status, "{self}: {settled:?}");
        if is_done {
            assert_eq!(settled.text, first.text, "{self}");
        } else {
            // Whoever finishes it may have answered the key, and not be done.
            let mut now = Standing::of(user).await;
            for turn in 0..1200 {
                if now.since(before) == change {
                    break;
                }
                platform.wait(turn).await;
                now = Standing::of(user).await;
            }
            assert_eq!(now.since(before), change, "{self}: {settled:?}");
            let again = request.send(user, &key).await;
            assert_eq!((again.status, &again.text), (settled.status, &settled.text), "{self}");
        }
        is_met
    }
}

/// Either it was done as it should be, or nobody knows.
fn is_done(answer: &Answer, status: u16, case: &Case<'_>) -> bool {
    if answer.status != status {
        assert_eq!(answer.status, 503, "{case}: {answer:?}");
        assert!(!answer.header("retry-after").is_empty(), "{case}: {answer:?}");
    }
    answer.status == status
}

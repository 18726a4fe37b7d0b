//! Writing. Every change states the condition under which it holds, the error that a failed condition means,
//! and the operation it belongs to; so it can be repeated after a lost answer without being applied twice.

use std::time::Duration;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use rand::RngExt;
use serde::Serialize;
use tokio::time::Instant;
use tradepost_problem::Outage;

use crate::journey::Journey;

use super::{Dynamo, Item, Key, OPERATION, PK, Table, to_item};

/// No attempt starts later than this after the first.
const DEADLINE: Duration = Duration::from_secs(3);

/// The code of a request that can never succeed, such as one with an item over 400 KB.
const INVALID: &str = "ValidationException";

/// What must hold for an item to be changed.
#[derive(Clone, Debug)]
pub enum Expect {
    /// There is no item under this key.
    Absent,
    /// There is one, whatever it holds: of two writers the last wins.
    Present,
    /// Its attribute has this value.
    Equals(&'static str, AttributeValue),
}

impl Expect {
    /// A number attribute, such as a version, has this value.
    #[must_use]
    pub fn number(attribute: &'static str, value: u64) -> Self {
        Self::Equals(attribute, AttributeValue::N(value.to_string()))
    }

    /// A text attribute, such as a state, has this value.
    pub fn text(attribute: &'static str, value: impl Into<String>) -> Self {
        Self::Equals(attribute, AttributeValue::S(value.into()))
    }
}

/// A condition that did not hold.
#[derive(Debug)]
pub struct Lost<E> {
    /// What was given as its meaning.
    pub error: E,
    /// The item as the store has it, if there is one.
    pub found: Option<Item>,
}

/// Why nothing was written, or why it is not known whether anything was.
#[derive(Debug)]
pub enum WriteError<E> {
    /// The first condition that did not hold; nothing was written.
    Lost(Lost<E>),
    /// No answer, contention, or a defect.
    Outage(Outage),
}

impl<E> From<Outage> for WriteError<E> {
    fn from(outage: Outage) -> Self {
        Self::Outage(outage)
    }
}

/// Changes that take effect together or not at all.
pub struct Write<E> {
    dynamo: Dynamo,
    operation: String,
    actions: Vec<(TransactWriteItem, E)>,
    /// Whether an item is left behind by which a later attempt can tell that this one was applied.
    leaves_a_mark: bool,
    defect: Option<Outage>,
}

enum Attempt<E> {
    Done,
    Lost(Lost<E>),
    /// Not applied; another try may succeed.
    Contended(String),
    /// Perhaps applied.
    Unknown(String),
    /// Not applied, and never will be.
    Invalid(String),
}

impl<E: Clone> Write<E> {
    /// A write of the operation with this id. Repeating an operation under its id never applies it twice.
    pub fn new(dynamo: &Dynamo, operation: impl Into<String>) -> Self {
        Self {
            dynamo: dynamo.clone(),
            operation: operation.into(),
            actions: Vec::new(),
            leaves_a_mark: false,
            defect: None,
        }
    }

    /// Adds an item that must not exist yet.
    #[must_use]
    pub fn insert<T: Serialize>(self, table: &Table, key: &Key, item: &T, exists: E) -> Self {
        self.put(table, key, item, &Expect::Absent, exists)
    }

    /// Writes a whole item if `expect` holds of the one it replaces.
    #[must_use]
    pub fn put<T: Serialize>(
        mut self,
        table: &Table,
        key: &Key,
        item: &T,
        expect: &Expect,
        otherwise: E,
    ) -> Self {
        let item = match to_item(key, &self.operation, item) {
            Ok(item) => item,
            Err(outage) => {
                self.defect = Some(outage);
                return self;
            }
        };
        self.leaves_a_mark |= matches!(expect, Expect::Absent);
        let (condition, name, value) = condition(expect);
        let put = Put::builder()
            .table_name(&table.name)
            .set_item(Some(item))
            .condition_expression(condition)
            .expression_attribute_names("#c", name)
            .set_expression_attribute_values(value.map(|value| [(":c".to_owned(), value)].into()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        match put {
            Ok(put) => self.actions.push((TransactWriteItem::builder().put(put).build(), otherwise)),
            Err(error) => self.defect = Some(Outage::internal("write", &error)),
        }
        self
    }

    /// Removes an item if `expect` holds of it.
    #[must_use]
    pub fn delete(mut self, table: &Table, key: &Key, expect: &Expect, otherwise: E) -> Self {
        let (condition, name, value) = condition(expect);
        let delete = Delete::builder()
            .table_name(&table.name)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .expression_attribute_names("#c", name)
            .set_expression_attribute_values(value.map(|value| [(":c".to_owned(), value)].into()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        match delete {
            Ok(delete) => self.actions.push((TransactWriteItem::builder().delete(delete).build(), otherwise)),
            Err(error) => self.defect = Some(Outage::internal("write", &error)),
        }
        self
    }

    /// Demands that `expect` holds of an item that is not changed.
    #[must_use]
    pub fn check(mut self, table: &Table, key: &Key, expect: &Expect, otherwise: E) -> Self {
        let (condition, name, value) = condition(expect);
        let check = ConditionCheck::builder()
            .table_name(&table.name)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .expression_attribute_names("#c", name)
            .set_expression_attribute_values(value.map(|value| [(":c".to_owned(), value)].into()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        match check {
            Ok(check) => {
                self.actions.push((TransactWriteItem::builder().condition_check(check).build(), otherwise));
            }
            Err(error) => self.defect = Some(Outage::internal("write", &error)),
        }
        self
    }

    /// Declares that an item this replaces is never changed again, so that it shows for ever that this was applied,
    /// as an item that is inserted does.
    #[must_use]
    pub fn leaving_a_mark(mut self) -> Self {
        self.leaves_a_mark = true;
        self
    }

    /// Carries the write out: one `PutItem` where there is one item, one transaction otherwise. Contention,
    /// throttling and lost answers are repeated with full jitter until the deadline.
    ///
    /// # Errors
    /// [`WriteError::Lost`] with the first condition that did not hold; [`WriteError::Outage`] otherwise.
    pub async fn commit(mut self) -> Result<(), WriteError<E>> {
        if let Some(defect) = self.defect.take() {
            return Err(defect.into());
        }
        let latest = Instant::now() + DEADLINE;
        let deadline = Journey::current_deadline().map_or(latest, |waited_for| waited_for.min(latest));
        let mut unknown = false;
        let mut ceiling = Duration::from_millis(10);
        loop {
            let attempt = self.attempt().await;
            self.dynamo.note_write(matches!(attempt, Attempt::Unknown(_)));
            let cause = match attempt {
                Attempt::Done => return Ok(()),
                // An attempt without an answer may have been applied, and what stands in the way now may have
                // come after it; only an inserted item would still show that.
                Attempt::Lost(_) if unknown && !self.leaves_a_mark => {
                    return Err(Outage::storage("write", &"changed again after an unanswered attempt").into());
                }
                Attempt::Lost(lost) => return Err(WriteError::Lost(lost)),
                Attempt::Invalid(cause) => return Err(Outage::internal("write", &cause).into()),
                Attempt::Contended(cause) => cause,
                Attempt::Unknown(cause) => {
                    unknown = true;
                    cause
                }
            };
            let pause = rand::rng().random_range(Duration::ZERO..=ceiling);
            if Instant::now() + pause >= deadline {
                let outage = if unknown { Outage::storage("write", &cause) } else { Outage::busy("write") };
                return Err(outage.into());
            }
            metrics::counter!("tradepost_storage_retries_total").increment(1);
            tokio::time::sleep(pause).await;
            ceiling = (ceiling * 2).min(Duration::from_millis(400));
        }
    }

    async fn attempt(&self) -> Attempt<E> {
        match self.actions.as_slice() {
            [(TransactWriteItem { put: Some(put), .. }, otherwise)] => self.put_one(put, otherwise).await,
            _ => self.transact().await,
        }
    }

    async fn put_one(&self, put: &Put, otherwise: &E) -> Attempt<E> {
        self.dynamo.count_write("PutItem");
        let request = self
            .dynamo
            .client
            .put_item()
            .table_name(put.table_name())
            .set_item(Some(put.item().clone()))
            .set_condition_expression(put.condition_expression.clone())
            .set_expression_attribute_names(put.expression_attribute_names.clone())
            .set_expression_attribute_values(put.expression_attribute_values.clone())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match request.send().await {
            Ok(_) => return Attempt::Done,
            Err(error) => error,
        };
        let text = DisplayErrorContext(&error).to_string();
        match error {
            SdkError::ServiceError(error) => {
                use aws_sdk_dynamodb::operation::put_item::PutItemError as Error;
                match error.into_err() {
                    Error::ConditionalCheckFailedException(failed) if self.is_mine(failed.item.as_ref()) => {
                        Attempt::Done
                    }
                    Error::ConditionalCheckFailedException(failed) => {
                        Attempt::Lost(Lost { error: otherwise.clone(), found: failed.item })
                    }
                    Error::TransactionConflictException(_)
                    | Error::ProvisionedThroughputExceededException(_)
                    | Error::RequestLimitExceeded(_)
                    | Error::ThrottlingException(_) => Attempt::Contended(text),
                    other if other.code() == Some(INVALID) => Attempt::Invalid(text),
                    _ => Attempt::Unknown(text),
                }
            }
            _ => Attempt::Unknown(text),
        }
    }

    async fn transact(&self) -> Attempt<E> {
        self.dynamo.count_write("TransactWriteItems");
        let items = self.actions.iter().map(|(action, _)| action.clone()).collect();
        let request = self.dynamo.client.transact_write_items().set_transact_items(Some(items));
        let error = match request.send().await {
            Ok(_) => return Attempt::Done,
            Err(error) => error,
        };
        let text = DisplayErrorContext(&error).to_string();
        match error {
            SdkError::ServiceError(error) => match error.into_err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                    self.cancelled(cancelled.cancellation_reasons.unwrap_or_default(), text)
                }
                TransactWriteItemsError::ProvisionedThroughputExceededException(_)
                | TransactWriteItemsError::RequestLimitExceeded(_)
                | TransactWriteItemsError::ThrottlingException(_) => Attempt::Contended(text),
                other if other.code() == Some(INVALID) => Attempt::Invalid(text),
                _ => Attempt::Unknown(text),
            },
            _ => Attempt::Unknown(text),
        }
    }

    /// The reasons come in the order of the items. If any item that stands in the way was written by this very
    /// operation, the whole transaction was applied before and only its answer was lost.
    fn cancelled(&self, reasons: Vec<CancellationReason>, text: String) -> Attempt<E> {
        let failed = |reason: &CancellationReason| reason.code.as_deref() == Some("ConditionalCheckFailed");
        if reasons.iter().any(|reason| failed(reason) && self.is_mine(reason.item.as_ref())) {
            return Attempt::Done;
        }
        if reasons.iter().any(|reason| reason.code.as_deref() == Some("ValidationError")) {
            return Attempt::Invalid(text);
        }
        let first = reasons.into_iter().zip(&self.actions).find(|(reason, _)| failed(reason));
        match first {
            Some((reason, (_, error))) => Attempt::Lost(Lost { error: error.clone(), found: reason.item }),
            None => Attempt::Contended(text),
        }
    }

    fn is_mine(&self, item: Option<&Item>) -> bool {
        item.and_then(|item| item.get(OPERATION)?.as_s().ok()) == Some(&self.operation)
    }
}

fn condition(expect: &Expect) -> (&'static str, &'static str, Option<AttributeValue>) {
    match expect {
        Expect::Absent => ("attribute_not_exists(#c)", PK, None),
        Expect::Present => ("attribute_exists(#c)", PK, None),
        Expect::Equals(attribute, value) => ("#c = :c", attribute, Some(value.clone())),
    }
}

//! Answers that are written, and compressed, once for all who ask the same: until the next second or the next price,
//! everybody is told the same.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, EntityTag, HeaderMap};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpRequest, HttpResponse};
use tradepost_problem::{Outage, Rejection};

use super::fresh::is_known;
use crate::Inventory;

/// The most bytes that a worker keeps. What does not fit is written for everybody anew.
const ROOM: usize = 4 << 20;

/// What one worker of the server has answered lately. Nobody else looks into it, so it needs no lock.
pub struct Kept {
    inventory: Arc<Inventory>,
    answers: RefCell<Answers>,
}

/// The answers of one moment.
#[derive(Default)]
struct Answers {
    moment: Moment,
    by_question: HashMap<Vec<u8>, Rc<Answer>>,
    bytes: usize,
}

/// The version of the snapshot and the second, which is in the age of every price.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Moment(u64, i64);

struct Answer {
    tag: Option<EntityTag>,
    headers: HeaderMap,
    body: Bytes,
}

impl Kept {
    pub fn new(inventory: Arc<Inventory>) -> Self {
        Self { inventory, answers: RefCell::default() }
    }

    fn moment(&self) -> Moment {
        Moment(self.inventory.snapshot().version, self.inventory.now().timestamp())
    }

    /// What was answered to a question at this moment. What was answered before is forgotten.
    fn get(&self, question: &[u8], moment: Moment) -> Option<Rc<Answer>> {
        let mut answers = self.answers.borrow_mut();
        if answers.moment != moment {
            answers.by_question.clear();
            (answers.moment, answers.bytes) = (moment, 0);
        }
        answers.by_question.get(question).cloned()
    }

    /// Keeps what was answered at a moment, unless that is over or there is no room.
    fn put(&self, question: Vec<u8>, moment: Moment, answer: Answer) {
        let mut answers = self.answers.borrow_mut();
        let bytes = answers.bytes + question.len() + answer.body.len();
        if answers.moment == moment && bytes <= ROOM {
            answers.bytes = bytes;
            answers.by_question.insert(question, Rc::new(answer));
        }
    }
}

/// Gives whoever asks what was asked within the same second the same answer. Wrap it outside of what compresses.
///
/// # Errors
/// Passes on those of the layers below.
pub async fn keep<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let question = question(&request);
    let Some(kept) = request.app_data::<Kept>() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let moment = kept.moment();
    if let Some(answer) = kept.get(&question, moment) {
        let answer = answer.to(request.request());
        return Ok(request.into_response(answer));
    }
    let (request, response) = next.call(request).await?.into_parts();
    if response.status() != StatusCode::OK {
        return Ok(ServiceResponse::new(request, response.map_into_boxed_body()));
    }
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|error| {
        let error: Box<dyn std::error::Error> = error.into();
        Rejection::from(Outage::internal("compress an answer", &error))
    })?;
    if let Some(kept) = request.app_data::<Kept>() {
        kept.put(question, moment, Answer::new(head.headers().clone(), body.clone()));
    }
    Ok(ServiceResponse::new(request, head.set_body(BoxBody::new(body))))
}

/// All that an answer depends on, but for what the client has already.
fn question(request: &ServiceRequest) -> Vec<u8> {
    let uri = request.uri();
    let accepted = request.headers().get_all(ACCEPT_ENCODING).map(|accepted| accepted.as_bytes());
    let parts =
        [uri.path().as_bytes(), uri.query().unwrap_or_default().as_bytes()].into_iter().chain(accepted);
    let mut question = Vec::with_capacity(128);
    for part in parts {
        question.extend_from_slice(part);
        question.push(b'\n');
    }
    question
}

impl Answer {
    fn new(headers: HeaderMap, body: Bytes) -> Self {
        let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()?.parse().ok());
        Self { tag, headers, body }
    }

    /// The answer to this client, who may have it already.
    fn to(&self, request: &HttpRequest) -> HttpResponse {
        let is_known = self.tag.as_ref().is_some_and(|tag| is_known(request, tag));
        let mut response =
            HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        let of_the_body = [CONTENT_TYPE, CONTENT_ENCODING];
        for header in &self.headers {
            if !(is_known && of_the_body.contains(header.0)) {
                response.append_header(header);
            }
        }
        if is_known { response.finish() } else { response.body(self.body.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::http::header::HeaderMap;
    use tradepost_kernel::SystemClock;

    use super::{Answer, Kept, Moment, ROOM};
    use crate::{Inventory, Settings};

    const NOW: Moment = Moment(1, 1);

    fn kept() -> Kept {
        Kept::new(Inventory::new(Settings::demo(), None, Arc::new(SystemClock)).unwrap())
    }

    impl Kept {
        fn has(&self, question: &[u8], moment: Moment) -> bool {
            self.get(question, moment).is_some()
        }

        fn put_bytes(&self, question: &[u8], moment: Moment, length: usize) {
            self.put(question.to_vec(), moment, Answer::new(HeaderMap::new(), vec![0; length].into()));
        }
    }

    #[test]
    fn an_answer_is_kept_until_the_next_second_or_the_next_price() {
        for later in [Moment(1, 2), Moment(2, 1)] {
            let kept = kept();
            assert!(!kept.has(b"a", NOW));
            kept.put_bytes(b"a", NOW, 1);
            assert!(kept.has(b"a", NOW) && !kept.has(b"b", NOW));
            assert!(!kept.has(b"a", later));
            // It was written before the moment changed, and comes too late.
            kept.put_bytes(b"a", NOW, 1);
            assert!(!kept.has(b"a", later) && !kept.has(b"a", NOW));
        }
    }

    #[test]
    fn there_is_room_for_so_much_and_no_more() {
        let kept = kept();
        assert!(!kept.has(b"a", NOW));
        kept.put_bytes(b"a", NOW, ROOM - 2);
        kept.put_bytes(b"b", NOW, 1);
        assert!(kept.has(b"a", NOW) && !kept.has(b"b", NOW));
        kept.put_bytes(b"c", NOW, 0);
        assert!(kept.has(b"c", NOW));
        let later = Moment(1, 2);
        assert!(!kept.has(b"b", later));
        kept.put_bytes(b"b", later, ROOM);
        assert!(!kept.has(b"b", later));
        kept.put_bytes(b"b", later, ROOM - 1);
        assert!(kept.has(b"b", later));
    }
}

//! A request sent and its answer; and a form with a field of each sort.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, Error};
use serde::Serialize;
use serde_json::Value;
use tradepost_platform::request::{Fields, FromFields, boolean, decimal, integer, text};

type Sending = Pin<Box<dyn Future<Output = Answer>>>;

/// Somebody who sends requests to one app.
pub struct Client(Box<dyn Fn(TestRequest) -> Sending>);

impl Client {
    pub async fn of<T, B>(app: App<T>) -> Self
    where
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        T::Future: 'static,
        B: MessageBody + 'static,
    {
        let service = Rc::new(init_service(app).await);
        Self(Box::new(move |request| {
            let service = Rc::clone(&service);
            Box::pin(async move { Answer::read(call_service(&*service, request.to_request()).await).await })
        }))
    }

    pub async fn send(&self, request: TestRequest) -> Answer {
        (self.0)(request).await
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(TestRequest::get().uri(uri)).await
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The text as JSON, `null` if it is none.
    pub body: Value,
}

impl Answer {
    async fn read<B: MessageBody>(response: ServiceResponse<B>) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status and the code of a problem document, which must be complete.
    pub fn problem(&self) -> (u16, &str) {
        let member = |name: &str| self.body[name].as_str().unwrap_or_else(|| panic!("no {name}: {self:?}"));
        assert_eq!(self.header(CONTENT_TYPE.as_str()), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.body["status"], self.status);
        assert_eq!(member("type"), format!("/problems/{}", member("code")));
        assert_eq!(member("message"), member("detail"));
        for name in ["title", "detail", "instance", "request_id"] {
            assert!(!member(name).is_empty(), "{name}: {self:?}");
        }
        (self.status, member("code"))
    }

    /// The names of the fields of a 422, in their order, each with a message.
    pub fn broken_fields(&self) -> Vec<&str> {
        assert_eq!(self.problem(), (422, "validation_failed"), "{self:?}");
        let errors = self.body["validation_errors"].as_array().unwrap();
        assert!(errors.iter().all(|error| !error["message"].as_str().unwrap().is_empty()));
        errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
    }
}

/// A field of each sort, all optional. Handlers answer with it, so that a test sees what was read.
#[derive(Debug, Serialize)]
pub struct Form {
    pub amount: Option<String>,
    pub note: Option<String>,
    pub count: Option<u64>,
    pub urgent: Option<bool>,
}

impl FromFields for Form {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let amount = fields.optional("amount", decimal(Ok::<_, Infallible>));
        let note = fields.optional("note", text(|note| Ok::<_, Infallible>(note.to_owned())));
        let count = fields.optional("count", integer(1, 100));
        let urgent = fields.optional("urgent", boolean);
        let amount = amount?.map(|amount| amount.to_string());
        Some(Self { amount, note: note?, count: count?, urgent: urgent? })
    }
}

/// Two fields that must be there.
#[derive(Debug, Serialize)]
pub struct Transfer {
    pub amount: String,
    pub to: String,
}

impl FromFields for Transfer {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let amount = fields.required("amount", decimal(Ok::<_, Infallible>));
        let to = fields.required("to", text(not_blank));
        Some(Self { amount: amount?.to_string(), to: to? })
    }
}

pub fn not_blank(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be blank") } else { Ok(text.to_owned()) }
}

//! The path of a request: to the module that owns it, and its answer back.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, web};
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::time::{Instant, sleep_until};
use tradepost_platform::request::is_head;
use tradepost_problem::{Rejection, http};

use crate::answer::{End, Relay, is_event_stream, is_stand_in, relayed};
use crate::client::Fault;
use crate::error::{BAD_GATEWAY, Effect, GATEWAY_TIMEOUT, Unanswered, service_unavailable};
use crate::pool::Pool;
use crate::request::{body_length, effect, outgoing};
use crate::upload::{Allowance, Outgoing, Pump, Stop, Streaming, collect, pumped};
use crate::upstream::{Outcome, Permit};
use crate::{Gateway, Module};

/// Forwards a request to the module that owns its path and streams the answer back. Made to be the default service
/// of an app; answers 404 to what nobody owns.
///
/// # Errors
/// 404, 408 and 413 as every server answers them; 502, 503 and 504 when no upstream gave an answer.
pub async fn forward(
    request: HttpRequest,
    payload: web::Payload,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Rejection> {
    let Some(module) = gateway.owner(request.path()) else {
        return Err(Rejection::new(&http::ROUTE_NOT_FOUND, "Nothing is served at this path."));
    };
    let effect = effect(&request, &gateway.takes_key);
    let body = gateway.body(&request, payload, effect).await?;
    let exchange =
        Exchange { gateway: &gateway, pool: gateway.pool(module), module, request: &request, effect };
    exchange.run(body).await
}

/// The body of a request as it waits to be sent.
enum Upload {
    /// Can be sent any number of times.
    Whole(Bytes),
    /// Can be sent once.
    Streaming(Streaming),
}

impl Upload {
    fn take(&mut self, until: Instant) -> (Outgoing, Option<Pump>) {
        match std::mem::replace(self, Self::Whole(Bytes::new())) {
            Self::Whole(bytes) => {
                *self = Self::Whole(bytes.clone());
                (Outgoing::whole(bytes), None)
            }
            Self::Streaming(streaming) => {
                let (body, pump) = streaming.start(until);
                (body, Some(pump))
            }
        }
    }
}

impl Gateway {
    async fn body(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        effect: Effect,
    ) -> Result<Upload, Rejection> {
        let allowance = Allowance::of(request, self.max_body_bytes);
        let length = body_length(request);
        let payload = payload.into_inner();
        Ok(match (length, effect) {
            (Some(0), _) => Upload::Whole(Bytes::new()),
            _ if effect == Effect::Unknown || !allowance.covers(length) => {
                let idle = self.settings.idle_timeout();
                Upload::Streaming(Streaming { payload, length, allowance, idle })
            }
            _ => Upload::Whole(collect(payload, allowance).await?),
        })
    }
}

/// One request with all its tries.
struct Exchange<'a> {
    gateway: &'a Gateway,
    pool: &'a Pool,
    module: Module,
    request: &'a HttpRequest,
    effect: Effect,
}

impl Exchange<'_> {
    async fn run(&self, mut upload: Upload) -> Result<HttpResponse, Rejection> {
        let until = Instant::now() + self.gateway.settings.total_timeout();
        let mut permit = self.pool.choose(None).ok_or_else(|| self.nobody())?;
        let mut may_repeat = self.effect != Effect::Unknown && matches!(upload, Upload::Whole(_));
        let mut effect = Effect::None;
        loop {
            let (body, mut pump) = upload.take(until);
            let fault = match self.attempt(&permit, body, &mut pump, until).await {
                Ok(answer) => return self.answer(answer, permit, pump, until),
                Err(Stop::Client(rejection)) => return Err(rejection),
                Err(Stop::Upstream(fault)) => fault,
            };
            let tried = permit.upstream().clone();
            permit.settle(fault.outcome());
            if fault != Fault::Unreachable {
                effect = self.effect;
            }
            // An answer that cannot be read is an answer all the same.
            may_repeat &= fault != Fault::Unreadable && Instant::now() < until;
            let Some(next) = may_repeat.then(|| self.pool.choose(Some(&tried))).flatten() else {
                return Err(Unanswered::new(fault.about(), effect).into());
            };
            metrics::counter!("tradepost_gateway_retries_total", "module" => self.module.as_str())
                .increment(1);
            may_repeat = false;
            permit = next;
        }
    }

    /// Sends the request once and waits for the head of its answer.
    async fn attempt(
        &self,
        permit: &Permit,
        body: Outgoing,
        pump: &mut Option<Pump>,
        until: Instant,
    ) -> Result<Response<Incoming>, Stop> {
        let request: Request<Outgoing> = outgoing(self.request, permit.upstream(), body).map_err(|_| {
            Stop::Client(Rejection::new(&http::MALFORMED, "The head of the request could not be read."))
        })?;
        let mut answer = self.gateway.connections.request(request);
        loop {
            // Silence counts from when the upstream could have had all of the request; until then the pump tells
            // whose fault it is that nothing moves.
            let is_sent = pump.is_none();
            let limit = until.min(Instant::now() + self.gateway.settings.idle_timeout());
            tokio::select! {
                biased;
                answer = &mut answer => return answer.map_err(|error| Stop::Upstream(error.into())),
                end = pumped(pump) => {
                    end?;
                    *pump = None;
                }
                () = sleep_until(limit), if is_sent => return Err(Stop::Upstream(Fault::TimedOut)),
            }
        }
    }

    fn answer(
        &self,
        answer: Response<Incoming>,
        mut permit: Permit,
        pump: Option<Pump>,
        until: Instant,
    ) -> Result<HttpResponse, Rejection> {
        if is_stand_in(&answer) {
            permit.settle(Outcome::StoodIn);
            return Err(self.stood_in(&answer));
        }
        let Some(status) = final_status(&answer) else {
            permit.settle(Outcome::Unreadable);
            return Err(Unanswered::new(Fault::Unreadable.about(), self.effect).into());
        };
        permit.answered();
        let end = if is_event_stream(&answer) { self.gateway.end_of_streams() } else { End::At(until) };
        let is_head = is_head(self.request);
        let idle = self.gateway.settings.idle_timeout();
        Ok(relayed(answer, status, is_head, |body| Relay::new(body, pump, permit, idle, end)))
    }

    fn nobody(&self) -> Rejection {
        metrics::counter!(
            "tradepost_gateway_requests_total",
            "module" => self.module.as_str(), "outcome" => "no_upstream"
        )
        .increment(1);
        let wait = u64::try_from(self.pool.wait().num_milliseconds()).unwrap_or_default();
        let mut unanswered = Unanswered::new(service_unavailable(), Effect::None);
        unanswered.retry_after_s = wait.div_ceil(1000).max(1);
        unanswered.into()
    }

    /// The same status as whatever stood in, in a document, with its own word on when to try again.
    fn stood_in(&self, answer: &Response<Incoming>) -> Rejection {
        let about = match answer.status().as_u16() {
            502 => &BAD_GATEWAY,
            504 => &GATEWAY_TIMEOUT,
            _ => service_unavailable(),
        };
        let rejection = Rejection::from(Unanswered::new(about, self.effect));
        let told = answer.headers().get(hyper::header::RETRY_AFTER);
        match told.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
            Some(value) => rejection.with_header(RETRY_AFTER, value),
            None => rejection,
        }
    }
}

/// The status of an answer that can be passed on: nobody asked to switch protocols.
fn final_status(answer: &Response<Incoming>) -> Option<StatusCode> {
    StatusCode::from_u16(answer.status().as_u16()).ok().filter(|status| !status.is_informational())
}

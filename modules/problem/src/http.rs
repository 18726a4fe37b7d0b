//! Refusals of the HTTP layer itself: no route, wrong method, unreadable body, and the like.

use actix_web::http::StatusCode;

use crate::{About, Kind};

/// A body or a parameter that cannot be read at all.
pub const MALFORMED: About = About {
    code: "malformed_request",
    kind: Kind::Http(400),
    title: "Malformed request",
    explanation: "The request could not be read: its body is not JSON or nested too deeply, or a cursor was \
                  altered, or the request breaks HTTP itself.",
};
/// Fields that break their rules.
pub const VALIDATION: About = About {
    code: "validation_failed",
    kind: Kind::Invalid,
    title: "Validation failed",
    explanation: "One or more fields are missing or break their rules. `validation_errors` lists every one of \
                  them by name.",
};
/// No such route.
pub const ROUTE_NOT_FOUND: About = About {
    code: "route_not_found",
    kind: Kind::NotFound,
    title: "No such route",
    explanation: "Nothing is served at this path. The routes are listed in /swagger-ui/ and \
                  /api-docs/openapi.json.",
};
/// The route exists, with other methods; `Allow` lists them.
pub const METHOD_NOT_ALLOWED: About = About {
    code: "method_not_allowed",
    kind: Kind::Http(405),
    title: "Method not allowed",
    explanation: "The path exists, but not with this method. The `Allow` header lists the methods it has.",
};
/// A request that did not arrive completely in time.
pub const TIMEOUT: About = About {
    code: "request_timeout",
    kind: Kind::Http(408),
    title: "Request timeout",
    explanation: "The request did not arrive completely in time.",
};
/// A body over the limit.
pub const TOO_LARGE: About = About {
    code: "body_too_large",
    kind: Kind::Http(413),
    title: "Body too large",
    explanation: "The body of the request is larger than the server accepts (64 KiB by default).",
};
/// An address over the limit.
pub const URI_TOO_LONG: About = About {
    code: "uri_too_long",
    kind: Kind::Http(414),
    title: "URI too long",
    explanation: "The address of the request is longer than the server accepts (8192 bytes by default).",
};
/// Header lines over the limit.
pub const HEADERS_TOO_LARGE: About = About {
    code: "headers_too_large",
    kind: Kind::Http(431),
    title: "Headers too large",
    explanation: "The header lines of the request are together larger than the server accepts (16 KiB by default).",
};
/// A body that does not say it is JSON.
pub const UNSUPPORTED_MEDIA_TYPE: About = About {
    code: "unsupported_media_type",
    kind: Kind::Http(415),
    title: "Unsupported media type",
    explanation: "A body must be sent with `Content-Type: application/json`.",
};
const FORBIDDEN: About = About {
    code: "forbidden",
    kind: Kind::Forbidden,
    title: "Forbidden",
    explanation: "The caller is known and may not do this.",
};
const DEFECT: About = About {
    code: "internal_error",
    kind: Kind::Internal,
    title: "Internal error",
    explanation: "A defect of the platform. It has been logged under the request id of the answer; quote that \
                  id when you report it.",
};
const UNAVAILABLE: About = About {
    code: "unavailable",
    kind: Kind::Unavailable,
    title: "Unavailable",
    explanation: "The server cannot take the request now. Try again after the time in `Retry-After`.",
};

/// The problems of the HTTP layer.
pub const PROBLEMS: &[&About] = &[
    &MALFORMED,
    &VALIDATION,
    &ROUTE_NOT_FOUND,
    &METHOD_NOT_ALLOWED,
    &TIMEOUT,
    &TOO_LARGE,
    &URI_TOO_LONG,
    &HEADERS_TOO_LARGE,
    &UNSUPPORTED_MEDIA_TYPE,
    &FORBIDDEN,
    &UNAVAILABLE,
];

/// What a bare status code, set by the framework rather than by a module, means.
pub(crate) fn about(status: StatusCode) -> &'static About {
    match status.as_u16() {
        403 => &FORBIDDEN,
        404 => &ROUTE_NOT_FOUND,
        405 => &METHOD_NOT_ALLOWED,
        408 => &TIMEOUT,
        413 => &TOO_LARGE,
        414 => &URI_TOO_LONG,
        415 => &UNSUPPORTED_MEDIA_TYPE,
        422 => &VALIDATION,
        431 => &HEADERS_TOO_LARGE,
        503 => &UNAVAILABLE,
        code if code < 500 => &MALFORMED,
        _ => &DEFECT,
    }
}

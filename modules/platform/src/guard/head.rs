//! How large the head of a request may be.

use actix_web::dev::ServiceRequest;
use tradepost_problem::{Rejection, http};

/// How large the head of a request may be, within what the server's parser can hold.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// The longest URI; once paths are normalised, runs of slashes count as one.
    pub max_uri_bytes: usize,
    /// The most bytes of all header lines together, each with its name, its value and four for `: ` and the end of
    /// the line.
    pub max_head_bytes: usize,
}

/// What a proxy may add to the header lines of its client: where they came from, and the ids of request and trace.
const ADDED_BY_A_PROXY: usize = 2048;

impl HeadLimits {
    pub(super) fn check(&self, request: &ServiceRequest, from_a_proxy: bool) -> Result<(), Rejection> {
        let uri = request.uri();
        let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
        let length = authority + uri.path_and_query().map_or(0, |path| path.as_str().len());
        if length > self.max_uri_bytes {
            let detail = format!("The address is longer than {} bytes.", self.max_uri_bytes);
            return Err(Rejection::new(&http::URI_TOO_LONG, detail));
        }
        let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        let added = if from_a_proxy { ADDED_BY_A_PROXY } else { 0 };
        if lines.sum::<usize>() > self.max_head_bytes + added {
            let detail = format!("The header lines are together larger than {} bytes.", self.max_head_bytes);
            return Err(Rejection::new(&http::HEADERS_TOO_LARGE, detail));
        }
        Ok(())
    }
}

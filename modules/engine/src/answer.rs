//! DynamoDB's JSON, as the engine reads and writes it.

use dynoxide::DynoxideError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A status code and the JSON that goes with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn success(response: &impl Serialize) -> Answer {
        match serde_json::to_vec(response) {
            Ok(body) => Answer { status: 200, body },
            Err(error) => Answer::internal(&error.to_string()),
        }
    }

    pub(crate) fn error(error: &DynoxideError) -> Answer {
        Answer { status: error.status_code(), body: error.to_json().into_bytes() }
    }

    pub(crate) fn internal(message: &str) -> Answer {
        Answer::error(&DynoxideError::InternalServerError(message.to_owned()))
    }

    /// A refusal of the service's front, ahead of any operation.
    pub(crate) fn refusal(status: u16, exception: &str, message: &str) -> Answer {
        let kind = format!("com.amazon.coral.service#{exception}");
        let body = serde_json::json!({ "__type": kind, "message": message }).to_string();
        Answer { status, body: body.into_bytes() }
    }

    pub(crate) fn unknown_operation() -> Answer {
        let body = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;
        Answer { status: 400, body: body.as_bytes().to_vec() }
    }
}

/// Reads a request; what is wrong with it comes back as DynamoDB would put it.
pub(crate) fn read<Request: DeserializeOwned>(body: &[u8]) -> Result<Request, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| classify(&error.to_string()))
}

/// The engine's request types say with a prefix what kind of DynamoDB error a value is; other messages are
/// serde's own, and DynamoDB calls a value that is missing invalid and one of the wrong JSON type unreadable.
fn classify(message: &str) -> DynoxideError {
    if let Some(rest) = message.strip_prefix("SERIALIZATION_AS_READ:") {
        DynoxideError::SerializationException(rest.to_owned())
    } else if let Some(rest) = message.strip_prefix("VALIDATION_AS_READ:") {
        DynoxideError::ValidationException(rest.to_owned())
    } else if let Some(rest) = message.strip_prefix("SERIALIZATION:") {
        DynoxideError::SerializationException(without_position(rest).to_owned())
    } else if let Some(rest) = message.strip_prefix("VALIDATION_REQUEST:") {
        DynoxideError::ValidationException(without_position(rest).to_owned())
    } else if let Some(rest) = message.strip_prefix("VALIDATION:") {
        DynoxideError::ValidationException(without_position(rest).to_owned())
    } else if INVALID.iter().any(|part| message.contains(part)) {
        DynoxideError::ValidationException(without_position(message).to_owned())
    } else {
        DynoxideError::SerializationException(message.to_owned())
    }
}

/// Parts of messages without a prefix that are about a value, not about the JSON: the last is serde_json's
/// limit on nesting, which is above DynamoDB's own.
const INVALID: [&str; 6] = [
    "missing field",
    "unknown variant",
    "invalid type: null",
    "empty AttributeValue",
    "Supplied AttributeValue",
    "recursion limit exceeded",
];

/// serde_json ends its messages with a position in the body, which means nothing to a caller of the SDK.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use dynoxide::actions::put_item::PutItemRequest;
    use serde_json::{Value, json};

    use super::*;

    fn refusal(body: &str) -> Value {
        let answer = Answer::error(&read::<PutItemRequest>(body.as_bytes()).unwrap_err());
        assert_eq!(answer.status, 400);
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn refused_attribute(value: Value) -> Value {
        refusal(&json!({"TableName": "t", "Item": {"pk": {"S": "a"}, "x": value}}).to_string())
    }

    #[test]
    fn a_marked_error_loses_its_mark_and_its_position() {
        for value in [json!({"N": "ten"}), json!({"NULL": false}), json!({"SS": []}), json!({})] {
            let refusal = refused_attribute(value);
            assert_eq!(refusal["__type"], "com.amazon.coral.validate#ValidationException");
            let message = refusal["message"].as_str().unwrap();
            assert!(!message.contains("VALIDATION") && !message.contains(" at line "), "{message}");
        }
    }

    #[test]
    fn a_missing_field_is_invalid() {
        let refusal = refusal(r#"{"TableName":"t"}"#);
        assert_eq!(refusal["__type"], "com.amazon.coral.validate#ValidationException");
    }

    #[test]
    fn a_body_that_is_no_json_or_of_the_wrong_type_is_unreadable() {
        for body in ["", "{", r#"{"TableName":7,"Item":{}}"#] {
            assert_eq!(refusal(body)["__type"], "com.amazon.coral.service#SerializationException", "{body}");
        }
    }

    #[test]
    fn a_value_nested_too_deep_is_invalid() {
        let value = (0..200).fold(json!({"S": "x"}), |inner, _| json!({"L": [inner]}));
        let refusal = refused_attribute(value);
        assert_eq!(refusal["__type"], "com.amazon.coral.validate#ValidationException");
    }
}

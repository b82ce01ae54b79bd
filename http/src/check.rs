//! Limits on what clients write, with the same errors everywhere.

use crate::problem::FieldError;

/// At most `bytes_max` bytes of UTF-8, and no NUL (which not every store can hold).
pub fn check_bytes(field: &str, text: &str, bytes_max: usize) -> Result<(), FieldError> {
    if text.len() > bytes_max {
        return Err(FieldError {
            field: field.to_owned(),
            code: "too_long",
            detail: format!("at most {bytes_max} bytes"),
        });
    }
    if text.contains('\0') {
        return Err(FieldError {
            field: field.to_owned(),
            code: "invalid",
            detail: "must not contain the NUL character".to_owned(),
        });
    }
    Ok(())
}

/// [`check_bytes`], and not only white space.
pub fn check_text(field: &str, text: &str, bytes_max: usize) -> Result<(), FieldError> {
    if text.trim().is_empty() {
        return Err(FieldError {
            field: field.to_owned(),
            code: "required",
            detail: "must not be empty".to_owned(),
        });
    }
    check_bytes(field, text, bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_bytes() {
        assert_eq!(check_bytes("text", "ää", 4), Ok(()));
        assert_eq!(check_bytes("text", "ää", 3).unwrap_err().code, "too_long");
        assert_eq!(check_bytes("text", "a\0", 9).unwrap_err().code, "invalid");
        assert_eq!(check_text("text", " \n", 9).unwrap_err().code, "required");
        assert_eq!(check_text("text", "a", 9), Ok(()));
    }
}

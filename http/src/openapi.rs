//! What every operation of both sides has in common in the OpenAPI document: the bearer token, the time that a client has,
//! and the problem.

pub use utoipa::openapi::OpenApi;

use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Content, Ref, RefOr, Required};

use crate::problem::{FieldError, PROBLEM_JSON, Problem};

const BEARER: &str = "bearer";
/// As people write it; what is compared does not care.
const TIMEOUT_NAME: &str = "Nova-Timeout-Ms";

/// Adds the problem as the answer to whatever goes wrong, and the bearer token to every operation that does not say
/// otherwise (`security(())` says that it needs none).
pub fn with_common_parts(mut document: OpenApi) -> OpenApi {
    let problem = ResponseBuilder::new()
        .description("What went wrong (RFC 9457).")
        .content(PROBLEM_JSON, Content::new(Some(Ref::from_schema_name(Problem::name()))))
        .build();
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.responses.responses.entry("default".to_owned()).or_insert(RefOr::T(problem.clone()));
            let scopes: [&str; 0] = [];
            let parameters = operation.parameters.get_or_insert_default();
            let is_timeout =
                |one: &RefOr<Parameter>| matches!(one, RefOr::T(one) if one.name == TIMEOUT_NAME);
            // What both sides have is gone through twice.
            if !parameters.iter().any(is_timeout) {
                parameters.push(RefOr::T(timeout()));
            }
            operation.security.get_or_insert_with(|| vec![SecurityRequirement::new(BEARER, scopes)]);
        }
    }
    let mut components = document.components.unwrap_or_else(|| ComponentsBuilder::new().build());
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    document.components = Some(components);
    document
}

fn timeout() -> Parameter {
    let ms = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
    ParameterBuilder::new()
        .name(TIMEOUT_NAME)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait.",
        ))
        .schema(Some(ms))
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathsBuilder};
    use utoipa::openapi::{InfoBuilder, OpenApiBuilder};

    use super::*;

    #[test]
    fn every_operation_has_the_problem_and_the_token_unless_it_says_otherwise() {
        let free: Vec<SecurityRequirement> = vec![SecurityRequirement::default()];
        let open = OperationBuilder::new().securities(Some(free)).build();
        let paths = PathsBuilder::new()
            .path("/a", PathItem::new(HttpMethod::Get, OperationBuilder::new().build()))
            .path("/b", PathItem::new(HttpMethod::Post, open));
        let document = OpenApiBuilder::new().info(InfoBuilder::new().build()).paths(paths.build()).build();
        let json = serde_json::to_value(with_common_parts(with_common_parts(document))).unwrap();
        assert_eq!(json["openapi"], "3.1.0");
        let problem = |operation: &serde_json::Value| {
            operation["responses"]["default"]["content"][PROBLEM_JSON]["schema"]["$ref"].clone()
        };
        assert_eq!(problem(&json["paths"]["/a"]["get"]), "#/components/schemas/Problem");
        assert_eq!(problem(&json["paths"]["/b"]["post"]), "#/components/schemas/Problem");
        assert_eq!(json["paths"]["/a"]["get"]["security"], serde_json::json!([{"bearer": []}]));
        assert_eq!(json["paths"]["/b"]["post"]["security"], serde_json::json!([{}]));
        assert_eq!(json["components"]["schemas"]["Problem"]["type"], "object");
        assert_eq!(json["paths"]["/a"]["get"]["parameters"].as_array().unwrap().len(), 1);
        let time = &json["paths"]["/a"]["get"]["parameters"][0];
        assert!(time["name"].as_str().unwrap().eq_ignore_ascii_case(crate::overload::TIMEOUT_MS.as_str()));
        assert_eq!((&time["in"], &time["required"]), (&"header".into(), &false.into()));
    }
}

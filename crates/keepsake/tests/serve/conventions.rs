//! What holds for every request.

use crate::{
    process::reachable,
    service::{Answer, Service},
};
use serde_json::Value;

#[track_caller]
fn problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{answer:?}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], format!("/api/problems/{code}"));
    for name in ["title", "detail", "instance", "remediation"] {
        assert!(!problem[name].as_str().unwrap().is_empty(), "{name}: {answer:?}");
    }
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
    problem
}

#[test]
fn every_answer_keeps_the_conventions() {
    let world = reachable();
    let service = Service::start(&world, &["--requests-per-minute", "40"]);

    let answer = service.get("/healthz");
    assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ok")));
    let id = answer.header("x-request-id").unwrap().parse::<keepsake_domain::RequestId>().unwrap();
    assert_eq!(id.as_uuid().get_version_num(), 7);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("strict-transport-security"), None, "it is not encrypted");

    let answer = service.curl("/nowhere?token=hush", &["-H", "Origin: https://elsewhere.example"]);
    let found = problem(&answer, 404, "not-found");
    assert_eq!(found["instance"], "/nowhere");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    problem(&service.curl("/healthz", &["-X", "DELETE"]), 405, "method-not-allowed");
    let large = "x".repeat((1 << 20) + 1);
    std::fs::write(world.path("large"), large).unwrap();
    let large = format!("@{}", world.path("large").display());
    problem(&service.curl("/healthz", &["-X", "GET", "--data-binary", &large]), 413, "body-too-large");

    // The `type` of a problem leads to its page.
    let page = service.get(found["type"].as_str().unwrap());
    assert_eq!(page.status, 200);
    assert!(page.body.contains(found["title"].as_str().unwrap()), "{page:?}");
    problem(&service.get("/api/problems/no-such-code"), 404, "not-found");

    let description = service.get("/api/openapi.json");
    assert_eq!(description.json()["openapi"], "3.1.0");
    let shown = service.get("/api/docs/");
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("swagger-ui"), "{shown:?}");
    assert!(service.get("/api/docs/swagger-initializer.js").body.contains("/api/openapi.json"));
    assert!(!shown.body.contains("http://") && !shown.body.contains("https://"), "it loads from elsewhere");

    // Shares: what is left is told, and whoever has used theirs up is told when to come again.
    let answer = service.get("/api/openapi.json");
    assert_eq!(answer.header("ratelimit-policy"), Some("\"requests\";q=40;w=60"));
    assert!(answer.header("ratelimit").unwrap().starts_with("\"requests\";r="), "{answer:?}");
    let refused = (0..80).map(|_| service.get("/nowhere")).find(|answer| answer.status != 404).unwrap();
    let refused_problem = problem(&refused, 429, "too-many-requests");
    assert_eq!(refused_problem["retry_after"].to_string(), refused.header("retry-after").unwrap());
    assert_eq!(service.get("/healthz").status, 200, "health is free");
}

#[test]
fn the_log_names_requests_and_keeps_quiet_about_the_rest() {
    let world = reachable();
    let service = Service::start(&world, &["--metrics-listen", "127.0.0.1:0"]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01");
    let arguments = ["-H", &traceparent, "-H", "Authorization: Bearer hush-token", "-d", "hush-body"];
    let answer = service.curl("/nowhere?ticket=hush-query", &arguments);
    let id = answer.header("x-request-id").unwrap();
    let log = service.log();
    assert!(!log.contains("hush"), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["span"]["request_id"] == id).unwrap_or_else(|| panic!("{log}"));
    assert_eq!(line["span"]["trace_id"], trace);
    assert_eq!(
        (line["status"].as_u64(), line["path"].as_str(), line["code"].as_str()),
        (Some(404), Some("/nowhere"), Some("not-found"))
    );

    let metrics = crate::service::curl(service.said["metrics_url"].as_str().unwrap(), &[]);
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.body.contains(r#"keepsake_http_requests_total{method="POST",route="none",status="404"} 1"#),
        "{metrics:?}"
    );
    assert!(metrics.body.contains("keepsake_http_request_duration_seconds_bucket"), "{metrics:?}");
}

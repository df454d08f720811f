//! What an operator sees of a node.

use crate::support::service::Service;
use crate::support::serving;
use crate::support::stores::{Kind, Store, on_both_stores};

on_both_stores!(a_node_tells_its_operator_that_it_is_ready_and_what_it_did);

fn a_node_tells_its_operator_that_it_is_ready_and_what_it_did(kind: Kind) {
    let service = Service::over(Store::pilot(kind));
    let ask = |path: &str| serving::request(service.operator(), "GET", path, b"");
    for path in ["/livez", "/readyz"] {
        let told = ask(path);
        assert_eq!(told.status, 200, "{path}: {}", told.text());
    }
    assert_eq!(service.public().get("/v1/seasons/no-such-season").status, 404);
    let metrics = ask("/metrics");
    for name in
        ["sogoc_requests_total", "sogoc_refusals_total{code=\"unknown\"} 1", "sogoc_log_size", "sogoc_store_up 1"]
    {
        assert!(metrics.text().contains(name), "{name} in {}", metrics.text());
    }
    // What is the operator's is on no public port, and the other way round.
    assert_eq!(service.public().get("/metrics").status, 404);
    assert_eq!(ask("/v1/seasons").status, 404);
}

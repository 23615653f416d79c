import Absurd

extension RouteTable {
    /// Beside the old API: what pages use, at the root of the server.
    static let root: [Route] = [
        .get("//events", "Server-sent events: task_update and queue_stats_update.") { _, _, service throws(Problem) in
            Answer(contentType: "text/event-stream", body: .events(try service.hub.subscribe()))
        },
        .get(
            "//metrics", "Metrics of the queues and of this node: OpenMetrics for who accepts it, else Prometheus text."
        ) {
            request, _, service throws(Problem) in await MetricsPage.answer(request, service)
        },
        .get("//session", "Whether this browser may write.") { request, _, service throws(Problem) in
            .json([
                "may_write": .bool(service.requestGuard.isWriter(request)),
                "is_read_only": .bool(service.requestGuard.token == nil),
                "node": .string(service.configuration.node),
                "queues": .array(service.configuration.queues.map { .string($0) }),
            ])
        },
        .get("//livez", "The process answers.") { _, _, _ throws(Problem) in .text("ok\n", "text/plain; charset=utf-8")
        },
        Route(
            method: "POST", path: "//session", summary: "Lets this browser write, by a cookie.",
            parameters: [("token", "what the leader's run/http-token holds")], isWrite: false
        ) { request, _, service throws(Problem) in
            let given = try request.json()["token"]?.text ?? ""
            guard let token = service.requestGuard.token else { throw RequestGuard.readOnly }
            guard RequestGuard.same(given, token) else { throw RequestGuard.unauthorised }
            var answer = Answer.json(["may_write": true])
            answer.headers["set-cookie"] = RequestGuard.cookieHeader(token)
            return answer
        },
        Route(
            method: "DELETE", path: "//session", summary: "This browser may not write any more.", parameters: [],
            isWrite: false
        ) { _, _, _ throws(Problem) in
            var answer = Answer.json(["may_write": false])
            answer.headers["set-cookie"] = RequestGuard.cookieHeader(nil)
            return answer
        },
    ]
}

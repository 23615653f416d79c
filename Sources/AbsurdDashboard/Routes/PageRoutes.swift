import Absurd

/// The pages: rendered from the answers of the API's own routes, which a page names.
enum PageRoutes {
    /// nil: there is no page, file or action at this path.
    static func answer(_ request: Request, _ service: Service) async throws(Problem) -> Answer? {
        if request.method == "POST" { return try await act(request, service) }
        guard request.method == "GET" else { return nil }
        if let file = Pages.answer(request) { return file }
        var asked = pageRequest(request, service)
        guard let page = Page.at(asked) else {
            let problem = Problem(404, "\(asked.path): there is no such page")
            return wantsPage(request) ? refusal(problem, request, service) : nil
        }
        var answers: [JSONValue?] = []
        var isMissing = false
        for need in page.needs {
            do throws(Problem) { answers.append(try await value(of: need, service)) } catch {
                answers.append(nil)
                if error.status == 404 { isMissing = true } else { asked.problems.append(error.detail) }
            }
        }
        var answer = Answer.text(page.document(asked, answers: answers).markup, "text/html; charset=utf-8")
        if !asked.problems.isEmpty, answers.allSatisfy({ $0 == nil }), !answers.isEmpty {
            answer.status = 503
        } else if isMissing {
            answer.status = 404
        }
        return answer
    }

    /// What the API answers to a GET of a path below /absurd.
    private static func value(of need: String, _ service: Service) async throws(Problem) -> JSONValue {
        let sides = need.split(separator: "?", maxSplits: 1)
        let request = Request(
            method: "GET",
            segments: ["absurd"] + (sides.first ?? "").split(separator: "/").map { URLText.decode($0) ?? "" },
            query: sides.count > 1 ? URLText.fields(sides[1]) : [:])
        return try await json(try await call(request, service))
    }

    private static func call(_ request: Request, _ service: Service) async throws(Problem) -> Answer {
        guard let (route, parameters) = try RouteTable.find(request) else { throw Problem(404, "no such route") }
        return try await service.perform(route, request, parameters)
    }

    /// A body is an answer whatever its status: a system that is down says so with 503.
    private static func json(_ answer: Answer) async throws(Problem) -> JSONValue {
        guard case .bytes(let bytes) = answer.body, let value = try? JSONValue(parsing: bytes) else {
            throw Problem(500, "the answer is not JSON")
        }
        return value
    }

    // MARK: Forms

    private static func act(_ request: Request, _ service: Service) async throws(Problem) -> Answer? {
        let form = URLText.fields(String(decoding: request.body, as: UTF8.self))
        switch request.path {
        case "/sign-in":
            guard let token = service.requestGuard.token else {
                return refusal(RequestGuard.readOnly, request, service)
            }
            guard RequestGuard.same(form["token"] ?? "", token) else {
                return refusal(RequestGuard.unauthorised, request, service)
            }
            return redirect(form["back"], done: "signed-in", cookie: RequestGuard.cookieHeader(token))
        case "/sign-out": return redirect(form["back"], done: "signed-out", cookie: RequestGuard.cookieHeader(nil))
        default: break
        }
        guard let action = PageAction(path: request.path) else { return nil }
        do throws(Problem) {
            try service.requestGuard.check(request, isWrite: true)
            let inner = Request(
                method: action.method,
                segments: ["absurd"] + action.path.split(separator: "/").map { URLText.decode($0) ?? "" },
                body: action.body?.jsonBytes ?? [])
            _ = try await call(inner, service)
        } catch {
            return refusal(error, request, service)
        }
        return redirect(form["back"], done: action.done)
    }

    private static func redirect(_ back: String?, done: String, cookie: String? = nil) -> Answer {
        var answer = Answer(status: 303, contentType: "text/plain; charset=utf-8", body: .bytes([]))
        answer.headers["location"] = PageAction.address(back: back, done: done)
        answer.headers["set-cookie"] = cookie
        return answer
    }

    // MARK: Parts

    private static func pageRequest(_ request: Request, _ service: Service) -> PageRequest {
        PageRequest(
            path: request.path, query: request.query, isSignedIn: service.requestGuard.isWriter(request),
            acceptsSignIn: service.requestGuard.token != nil, now: .current,
            notice: PageAction.notice(for: request.query["done"]))
    }

    private static func wantsPage(_ request: Request) -> Bool {
        request.headers["accept"]?.contains("text/html") == true && request.segments.first != "absurd"
            && request.segments.first != "api"
    }

    private static func refusal(_ problem: Problem, _ request: Request, _ service: Service) -> Answer {
        let titles = [401: "Not signed in", 403: "Not allowed", 404: "Not found", 409: "Not possible now"]
        var answer = Answer.text(
            Page.refusal(titles[problem.status] ?? "That did not work", problem.detail, pageRequest(request, service))
                .markup, "text/html; charset=utf-8")
        answer.status = problem.status
        // A browser would ask for a user name if it were told the scheme.
        answer.headers = problem.headers.filter { $0.key != "www-authenticate" }
        return answer
    }
}

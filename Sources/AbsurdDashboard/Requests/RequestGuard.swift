import Absurd

/// Who may ask what. Pure.
///
/// The page is on loopback, where every web page that the operator visits can send requests too, and where any user of
/// the machine can. So the Host must be one of the server's own names (a foreign name that resolves to this address is
/// refused), a request that a foreign page made is refused by its Origin, and writing needs the token.
struct RequestGuard: Sendable {
    /// `name:port`, in lower case.
    var hosts: Set<String>
    /// nil: nothing can be written.
    var token: String?

    static let cookie = "absurd_token"

    /// - Parameter names: further names that a proxy or a remote operator uses, with or without a port.
    init(address: String, port: UInt16, names: [String], token: String?) {
        var hosts: Set<String> = []
        for name in [address, "127.0.0.1", "localhost", "[::1]"] + names {
            let name = name.lowercased()
            hosts.insert("\(name):\(port)")
            if names.contains(where: { $0.lowercased() == name }) || port == 80 { hosts.insert(name) }
        }
        self.hosts = hosts
        self.token = token
    }

    func check(_ request: Request, isWrite: Bool) throws(Problem) {
        guard let host = request.headers["host"]?.lowercased(), hosts.contains(host) else {
            throw Problem(
                403, "host \(request.headers["host"] ?? ""): not a name of this server; add it with ABSURD_HTTP_HOSTS")
        }
        let origin = request.headers["origin"]?.lowercased()
        if let origin, !isOwn(origin) {
            throw Problem(403, "origin \(origin): not a page of this server")
        }
        if let site = request.headers["sec-fetch-site"], site == "cross-site", isWrite || origin != nil {
            throw Problem(403, "the request comes from a page of another site")
        }
        guard isWrite else { return }
        guard let token else {
            throw Self.readOnly
        }
        if let header = request.headers["authorization"] {
            guard header.lowercased().hasPrefix("bearer "), Self.same(String(header.dropFirst(7)), token) else {
                throw Self.unauthorised
            }
            return
        }
        // A browser sends cookies by itself; that the request is the operator's own shows its Origin.
        guard let given = request.cookie(Self.cookie), Self.same(given, token) else { throw Self.unauthorised }
        guard origin != nil || request.headers["sec-fetch-site"] == "same-origin" else {
            throw Problem(403, "a cookie counts only with the Origin of this server's own page")
        }
    }

    func isWriter(_ request: Request) -> Bool {
        guard let token, let given = request.cookie(Self.cookie) else { return false }
        return Self.same(given, token)
    }

    private func isOwn(_ origin: String) -> Bool {
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            return hosts.contains(String(origin.dropFirst(scheme.count)))
        }
        return false
    }

    /// nil takes it away. It ends with the browser, and no script and no other site can use it.
    static func cookieHeader(_ token: String?) -> String {
        "\(cookie)=\(token ?? ""); Path=/; HttpOnly; SameSite=Strict" + (token == nil ? "; Max-Age=0" : "")
    }

    static let readOnly = Problem(
        403, "this server is read-only; start it with a token file (ABSURD_HTTP_TOKEN_FILE)")

    static let unauthorised = Problem(
        401, "writing needs the token: Authorization: Bearer, with what the leader's run/http-token holds",
        headers: ["www-authenticate": "Bearer"])

    /// In a time that does not tell how much of it was right.
    static func same(_ given: String, _ wanted: String) -> Bool {
        let given = Array(given.utf8)
        let wanted = Array(wanted.utf8)
        var difference = given.count ^ wanted.count
        for index in wanted.indices { difference |= Int(wanted[index] ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }
}

extension Page {
    static let signIn = Page(title: "Sign in", section: "", needs: []) { request, _ in
        guard request.acceptsSignIn else {
            return """
                <h1>Sign in</h1><p class="lead">This dashboard is read-only: its leader was started without a token. \
                Start it with one to cancel, retry and pause from here; <code>absurd leader --help</code> says how.</p>
                """
        }
        return """
            <h1>Sign in</h1>
            <p class="lead">The token lets this browser cancel, retry and pause until it is closed.</p>
            <form class="sign-in" method="post" action="/sign-in">
            <input type="hidden" name="back" value="\(request.query["back"] ?? "/")">
            <label>Token <input type="password" name="token" required autocomplete="current-password" \
            spellcheck="false"></label>
            <button>Sign in</button>
            </form>
            """
    }
}

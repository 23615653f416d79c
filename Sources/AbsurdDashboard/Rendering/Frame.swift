import Absurd

/// What surrounds every page: head, navigation, the line that says whether the page is live, and the foot.
enum Frame {
    static func document(title: String, section: String, request: PageRequest, main: HTML) -> HTML {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="referrer" content="same-origin">
        <title>\(title) · Absurd</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/dashboard.css">
        <script type="module" src="/dashboard.js"></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
        <a class="name" href="/">Absurd</a>
        \(navigation(section))
        <div class="state"><span id="live" data-state="still">as of \
        <time datetime="\(request.now.description)">\(String(request.now.description.dropFirst(11).prefix(8)))</time>\
        </span><span id="spoken" class="heard" role="status"></span>\(account(request))</div>
        </header>
        <main id="main" tabindex="-1">
        \(notice(request))\(main)
        </main>
        <footer>Times are UTC. The same figures as JSON under <a href="/absurd/health/detailed">/absurd</a>, \
        for Prometheus at <a href="/metrics">/metrics</a>.</footer>
        </body>
        </html>

        """
    }

    private static func navigation(_ current: String) -> HTML {
        let links = Page.sections.map { path, label -> HTML in
            path == current
                ? "<li><a href=\"\(path)\" aria-current=\"page\">\(label)</a></li>"
                : "<li><a href=\"\(path)\">\(label)</a></li>"
        }
        return "<nav aria-label=\"Pages\"><ul>\(links)</ul></nav>"
    }

    private static func account(_ request: PageRequest) -> HTML {
        if request.isSignedIn {
            return """
                <form method="post" action="/sign-out"><input type="hidden" name="back" value="\(request.address)">\
                <button>Sign out</button></form>
                """
        }
        if request.acceptsSignIn {
            return "<a href=\"/sign-in?back=\(URLText.encode(request.address))\">Sign in</a>"
        }
        return "<span class=\"quiet\">read-only</span>"
    }

    private static func notice(_ request: PageRequest) -> HTML {
        request.notice.map { "<p class=\"notice\" id=\"done\" role=\"status\">\($0)</p>" } ?? .nothing
    }
}

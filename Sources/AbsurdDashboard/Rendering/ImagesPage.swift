import Absurd

extension Page {
    static let images = Page(title: "Images", section: "/images", needs: ["/images?limit=24"]) { request, answers in
        let pictures = answers.rows(0, "images").map { Images.picture($0, request.now) }
        return """
            <h1>Images</h1>
            \(pictures.isEmpty ? Images.none : "<ul class=\"pictures\">\(pictures)</ul>")
            """
    }
}

enum Images {
    static let none: HTML = """
        <p class="empty">No image has been made yet: <code>absurd workflow run quick-imaging --input …</code> makes one.</p>
        """

    /// The picture, its beam, its noise.
    static func picture(_ image: JSONValue, _ now: Timestamp) -> HTML {
        let id = image["task_id"]?.text ?? ""
        let noise = "\(Figures.flux(image["rms_jy"]?.double))/beam"
        let source = "/absurd/tasks/\(id)/image"
        return """
            <li id="image-\(id)"><a href="\(source)"><img src="\(source)" loading="lazy" width="1188" height="1028" \
            alt="Preview of \(image["image_path"]?.text ?? id): beam \(beam(image["beam"])), rms \(noise)"></a>
            <dl class="facts"><div><dt>Beam</dt><dd>\(beam(image["beam"]))</dd></div>\
            <div><dt>rms</dt><dd>\(noise)</dd></div>\
            <div><dt>Peak</dt><dd>\(Figures.flux(image["peak_jy"]?.double))/beam</dd></div>\
            <div><dt>Peak / rms</dt><dd>\(Figures.number(ratio(image)))</dd></div></dl>
            <p><a href="/tasks/\(id)">\(image["task_name"]?.text ?? "task") <code>\(Figures.shortID(id))</code></a> \
            \(Moments.age(image["completed_at"]?.moment, at: now)) ago</p></li>
            """
    }

    private static func ratio(_ image: JSONValue) -> Double? {
        guard let peak = image["peak_jy"]?.double, let rms = image["rms_jy"]?.double, rms > 0 else { return nil }
        return peak / rms
    }

    static func beam(_ beam: JSONValue?) -> String {
        guard let beam, let major = beam["major_arcsec"]?.double, let minor = beam["minor_arcsec"]?.double
        else { return Figures.unknown }
        let angle = beam["position_angle_deg"]?.double.map { ", \(Figures.number($0))°" } ?? ""
        return "\(Figures.number(major))″ × \(Figures.number(minor))″\(angle)"
    }
}

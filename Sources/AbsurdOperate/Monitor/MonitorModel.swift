import Absurd

/// What the monitor shows and how: changed by keys, looks and sizes, drawn by `frame`. Pure.
public struct MonitorModel: Sendable {
    public enum Event: Sendable {
        case look(MonitorSnapshot)
        case key(Key)
        case size(columns: Int, rows: Int)
    }

    /// What the shell must do beyond drawing.
    public enum Action: Sendable, Hashable { case none, look, quit, suspend }

    public enum View: Sendable, Hashable { case tasks, workers, help }
    public enum Order: String, Sendable, Hashable, CaseIterable { case time, progress, name, place }

    public var columns = 80
    public var rows = 24
    public var isUnicode = true
    public var queue: String?
    public var intervalSeconds: Double
    public private(set) var snapshot: MonitorSnapshot?
    public private(set) var view = View.tasks
    public private(set) var order = Order.time
    public private(set) var isReversed = false
    public private(set) var filter = ""
    public private(set) var isTyping = false
    public private(set) var isPaused = false
    public private(set) var chosen = 0
    /// The chosen task, so that it stays chosen when others come and go.
    private var chosenTask: TaskID?

    public init(intervalSeconds: Double, queue: String? = nil) {
        self.intervalSeconds = intervalSeconds
        self.queue = queue
    }

    public mutating func handle(_ event: Event) -> Action {
        switch event {
        case .look(let snapshot):
            if !isPaused || self.snapshot == nil { self.snapshot = snapshot }
            if let chosenTask, let place = tasks.firstIndex(where: { $0.id == chosenTask }) { chosen = place }
            chosen = min(chosen, max(0, tasks.count - 1))
        case .size(let columns, let rows):
            self.columns = max(20, columns)
            self.rows = max(6, rows)
        case .key(let key): return isTyping ? type(key) : press(key)
        }
        return .none
    }

    private mutating func type(_ key: Key) -> Action {
        switch key {
        case .character(let letter): filter.append(letter)
        case .backspace: _ = filter.popLast()
        case .enter: isTyping = false
        case .escape:
            isTyping = false
            filter = ""
        case .control("u"): filter = ""
        case .control("c"): return .quit
        default: break
        }
        chosen = 0
        chosenTask = nil
        return .none
    }

    private mutating func press(_ key: Key) -> Action {
        switch key {
        case .character("q"), .control("c"), .control("d"): return .quit
        case .control("z"): return .suspend
        case .control("l"), .character(" "): return .look
        case .character("?"), .character("h"): view = view == .help ? .tasks : .help
        case .tab: view = view == .tasks ? .workers : .tasks
        case .escape:
            view = view == .help ? .tasks : view
            filter = ""
        case .character("/"):
            isTyping = true
            view = .tasks
        case .character("s"):
            let all = Order.allCases
            order = all[((all.firstIndex(of: order) ?? 0) + 1) % all.count]
        case .character("r"): isReversed.toggle()
        case .character("p"): isPaused.toggle()
        case .up, .character("k"): move(-1)
        case .down, .character("j"): move(1)
        case .pageUp: move(-10)
        case .pageDown: move(10)
        case .home: move(-tasks.count)
        case .end: move(tasks.count)
        default: break
        }
        return .none
    }

    private mutating func move(_ step: Int) {
        chosen = min(max(0, chosen + step), max(0, tasks.count - 1))
        chosenTask = tasks.indices.contains(chosen) ? tasks[chosen].id : nil
    }

    /// The tasks as filtered and ordered.
    public var tasks: [MonitorSnapshot.Task] {
        let wanted = filter.lowercased()
        let all = (snapshot?.tasks ?? []).filter { task in
            wanted.isEmpty
                || [task.name, task.queue, task.node, "\(task.id)", task.message].contains {
                    $0.lowercased().contains(wanted)
                }
        }
        let sorted = all.sorted { left, right in
            switch order {
            case .time: (right.seconds, "\(left.id)") < (left.seconds, "\(right.id)")
            case .progress: (right.progress ?? -1, "\(left.id)") < (left.progress ?? -1, "\(right.id)")
            case .name: (left.name, "\(left.id)") < (right.name, "\(right.id)")
            case .place:
                (left.node, left.worker ?? .max, "\(left.id)") < (right.node, right.worker ?? .max, "\(right.id)")
            }
        }
        return isReversed ? sorted.reversed() : sorted
    }
}

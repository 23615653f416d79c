import Absurd
import ArgumentParser

extension TaskID: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

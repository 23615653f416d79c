/// What every program calls itself.
public enum Program {
    public static let version = "0.1.0"
}

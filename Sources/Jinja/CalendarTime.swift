// The date and time of day that `strftime_now` writes.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A date and a time of day, as a wall calendar and clock show them.
public struct CalendarTime: Sendable, Hashable {
    /// As the calendar counts.
    public var year: Int
    /// 1 to 12.
    public var month: Int
    /// 1 to 31.
    public var day: Int
    /// 0 to 23.
    public var hour: Int
    /// 0 to 59.
    public var minute: Int
    /// 0 to 60.
    public var second: Int

    /// A time; see the members.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// Local time, now.
    public static func now() -> CalendarTime {
        var moment = time(nil)
        var parts = unsafe tm()
        _ = unsafe localtime_r(&moment, &parts)
        return unsafe CalendarTime(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday), hour: Int(parts.tm_hour),
            minute: Int(parts.tm_min), second: Int(parts.tm_sec))
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    private var isLeapYear: Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// 1 to 366.
    private var dayOfYear: Int {
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
        return before[(month - 1) % 12] + day + (month > 2 && isLeapYear ? 1 : 0)
    }

    /// 0 is Sunday (Sakamoto's method).
    private var weekday: Int {
        let shifts = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4]
        let year = month < 3 ? self.year - 1 : self.year
        return ((year + year / 4 - year / 100 + year / 400 + shifts[(month - 1) % 12] + day) % 7 + 7) % 7
    }

    /// C's `strftime` in the C locale, for the directives that name a part of this value; nil for another directive.
    func formatted(_ format: String) -> String? {
        var result = ""
        var characters = format.unicodeScalars.makeIterator()
        while let scalar = characters.next() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            guard var directive = characters.next() else { return nil }
            let isUnpadded = directive == "-"
            if isUnpadded {
                guard let after = characters.next() else { return nil }
                directive = after
            }
            guard let part = part(directive, padding: isUnpadded ? "" : "0") else { return nil }
            result += part
        }
        return result
    }

    private func part(_ directive: Unicode.Scalar, padding: String) -> String? {
        func padded(_ value: Int, _ width: Int, _ fill: String = "0") -> String {
            let text = String(value)
            return padding.isEmpty ? text : String(repeating: fill, count: max(0, width - text.count)) + text
        }
        let twelve = hour % 12 == 0 ? 12 : hour % 12
        switch directive {
        case "Y": return padded(year, 4)
        case "y": return padded(year % 100, 2)
        case "m": return padded(month, 2)
        case "d": return padded(day, 2)
        case "e": return padded(day, 2, " ")
        case "H": return padded(hour, 2)
        case "I": return padded(twelve, 2)
        case "M": return padded(minute, 2)
        case "S": return padded(second, 2)
        case "j": return padded(dayOfYear, 3)
        case "p": return hour < 12 ? "AM" : "PM"
        case "B": return Self.months[(month - 1) % 12]
        case "b", "h": return String(Self.months[(month - 1) % 12].prefix(3))
        case "A": return Self.weekdays[weekday]
        case "a": return String(Self.weekdays[weekday].prefix(3))
        case "w": return String(weekday)
        case "u": return String(weekday == 0 ? 7 : weekday)
        case "F": return formatted("%Y-%m-%d")
        case "T": return formatted("%H:%M:%S")
        case "R": return formatted("%H:%M")
        case "D": return formatted("%m/%d/%y")
        case "c": return formatted("%a %b %e %H:%M:%S %Y")
        case "x": return formatted("%m/%d/%y")
        case "X": return formatted("%H:%M:%S")
        case "Z", "z": return ""
        case "n": return "\n"
        case "t": return "\t"
        case "%": return "%"
        default: return nil
        }
    }
}

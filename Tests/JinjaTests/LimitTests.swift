// Templates from hostile hands: every one ends soon, with an error that names the limit, and none brings the process down.
import JSON
import Jinja
import TestSupport
import Testing

@Suite struct LimitTests {
    static func outcome(_ source: String, _ limits: JinjaLimits = .standard) -> Result<String, JinjaError> {
        Result { () throws(JinjaError) in try Template(source, limits: limits).render([]) }
    }

    static let runaways: [String] = [
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ range(1000000) | length }}", "{{ range(-9223372036854775807, 9223372036854775807) }}", "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}", "{{ range(0, -9223372036854775807 - 1, -1) }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | tojson(indent=8000000) }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}",
        "{% set l = [] %}{% if l.append(l) %}{% endif %}{{ l }}", "{% set l = [] %}{% if l.append(l) %}{% endif %}{{ l | tojson }}",
        "{% set l = [] %}{% set m = [] %}{% if l.append(m) or m.append(l) %}{% endif %}{{ l == m }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "{{ '%9999999d' % 1 }}", "{{ '%.9999f' % 1.5 }}",
        "{{ 'x'.center(999999999) }}",
        "{{ 9223372036854775807 + 1 }}", "{{ 2 ** 64 }}", "{{ 9999999999999999999999 }}", "{{ (-9223372036854775807 - 1) // -1 }}",
        "{% set x = 'a' * 4000000 %}{% set y = 'a' * 2000000 ~ 'b' %}{{ y in x }}", "{{ 'a' | indent(99999999999) }}",
        String(repeating: "(", count: 5000), "{{ " + String(repeating: "(", count: 5000), "{{ " + String(repeating: "[", count: 5000),
        "{{ " + String(repeating: "not ", count: 5000) + "1 }}", "{{ " + String(repeating: "-", count: 5000) + "1 }}",
        "{{ 1" + String(repeating: " + 1", count: 5000) + " }}", "{{ a" + String(repeating: ".b", count: 5000) + " }}",
        "{{ a" + String(repeating: "|upper", count: 5000) + " }}", "{{ 1" + String(repeating: " if 1 else 1", count: 5000) + " }}",
        String(repeating: "{% if 1 %}", count: 5000), "{% set " + String(repeating: "(", count: 5000),
        "{{ 1" + String(repeating: " or 0", count: 5000) + " }}", "{{ 2" + String(repeating: " ** 1", count: 5000) + " }}",
        "{{ {" + String(repeating: "1:{", count: 5000), "{{ f" + String(repeating: "(f", count: 5000),
        "{{ '" + String(repeating: "x", count: 2_000_000) + "' }}",
    ]

    /// Each of these trapped, overflowed the stack or took gigabytes.
    @Test func extremesEndWithAnError() {
        let nested = String(repeating: "[", count: 60) + "1" + String(repeating: "]", count: 60)
        for source in [
            "{{ range(0, -9223372036854775807 - 1, -1) }}", "{{ \(nested) | tojson(indent=8000000) }}",
            "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}",
            "{% set ns = namespace(x=()) %}{% for i in range(100000) %}{% set ns.x = (ns.x,) %}{% endfor %}",
            "{% set l = [1] %}{% for i in range(100000) %}{% if l.append((l[-1],)) %}{% endif %}{% endfor %}",
            "{% set x = 1 %}" + String(repeating: "{% set x = [x] %}", count: 50_000),
            "{% set d = {} %}{% for i in range(100000) %}{% if d.update(x=(d.x,)) %}{% endif %}{% endfor %}",
        ] {
            guard case .failure(.limit) = Self.outcome(source) else {
                Issue.record("\(source.prefix(60)) should reach a limit")
                continue
            }
        }
        #expect(Self.outcome("{{ '+1'.zfill(-9223372036854775807 - 1) }}") == .success("+1"))
    }

    @Test(arguments: runaways.indices) func endsWithAnError(_ index: Int) {
        let source = Self.runaways[index]
        if source.first == "(" {
            #expect(throws: Never.self) { try Self.outcome(source).get() }
            return
        }
        guard case .failure(let error) = Self.outcome(source) else {
            Issue.record("\(source.prefix(60)) should fail")
            return
        }
        #expect(error.description.hasPrefix("line "))
    }

    @Test func stepsAreLimited() {
        var limits = JinjaLimits()
        limits.steps = 1000
        guard case .failure(.limit(_, line: 2)) = Self.outcome("\n{% for i in range(5000) %}{{ i }}{% endfor %}", limits) else {
            Issue.record("no limit")
            return
        }
    }

    @Test func linesAreNamed() {
        for (source, line) in [("a\nb\n{{ x.y }}", 3), ("{# \n\n #}\n{% if %}", 4), ("{{ 1 }}\n{{ raise_exception('no') }}", 2)] {
            guard case .failure(let error) = Self.outcome(source) else {
                Issue.record("\(source)")
                continue
            }
            #expect(error.description.hasPrefix("line \(line):"), "\(error)")
        }
    }

    /// Random strings of template pieces: parsed or refused, rendered or refused, and that soon.
    @Test func randomTemplatesEnd() {
        let pieces = [
            "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", " for ", " in ", " if ", " else ", " endif ", " endfor ", " set ", " macro ",
            "endmacro",
            "x", "y", "(", ")", "[", "]", "{", "}", "'", "\"", "a'b", "1", "2.5", "9999999999", "+", "-", "*", "**", "/", "//", "%", "~",
            "|", ".", ",", ":",
            "=", "==", "<", " is ", " not ", "defined", " and ", " or ", "upper", "tojson", "join", "range(9)", "loop.index",
            "namespace(x=1)", "\n", " ",
            "é漢🤖", "\\u", "raw", "endraw", "items()", "append(x)", "none", "true", "break", "*args", "**kw", "caller()", "call",
        ]
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        var limits = JinjaLimits()
        limits.steps = 20_000
        var rendered = 0
        for _ in 0..<3000 {
            var source = ""
            for _ in 0..<Int.random(in: 1...24, using: &generator) { source += pieces.randomElement(using: &generator)! }
            for text in [source, "{{ \(source) }}", "{% set x = \(source) %}{{ x }}", "{% if \(source) %}1{% endif %}"] {
                if case .success = Self.outcome(text, limits) { rendered += 1 }
            }
        }
        #expect(rendered > 0, "seed \(seed)")
    }
}

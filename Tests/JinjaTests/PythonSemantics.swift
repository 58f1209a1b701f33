// What Python's Jinja makes of small templates, in the environment of transformers (jinja2 3.1.6 wrote the expectations).
import JSON
import Jinja
import Testing

@Suite struct PythonSemantics {
    static let variables: String = ##"""
        {"s": "Hello, World", "n": null, "i": 7, "neg": -7, "f": 2.5, "big": 1e16, "small": 1e-05, "one": 1.0, "hundred": 100.0, "t": true, "l": [3, 1, 2], "words": ["b", "A", "c"], "d": {"b": 1, "a": "x", "items": [1]}, "people": [{"name": "Ann", "age": 3, "tags": ["x"]}, {"name": "bob", "age": 5}, {"name": "Cy", "age": 3}], "e": "", "u": "É<b>\"&'\n漢🤖", "huge": 123456789012345678901234567890}
        """##

    static let rendered: [(source: String, text: String)] = [
        (
            "{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 10 % 4.5 }} {{ 8 / 2 }}",
            "7 3 -4 2 3.5 1024 0.5 1.0 4.0"
        ),
        (
            "{{ f }} {{ big }} {{ small }} {{ one }} {{ hundred }} {{ 1e300 }} {{ 0.1 + 0.2 }} {{ 123456789.0 * 10 }} {{ huge }} {{ 1e-4 }} {{ 12345678901234567.0 }}",
            "2.5 1e+16 1e-05 1.0 100.0 1e+300 0.30000000000000004 1234567890.0 123456789012345678901234567890 0.0001 1.2345678901234568e+16"
        ),
        (
            "{{ true }} {{ none }} {{ l }} {{ d }} {{ (1,) }} {{ (1, \"a\") }} {{ [] }} {{ {} }} {{ u }} {{ [u] }} {{ [\"it's\"] }} {{ ['a\"b'] }}",
            "True None [3, 1, 2] {'b': 1, 'a': 'x', 'items': [1]} (1,) (1, 'a') [] {} É<b>\"&'\n漢🤖 ['É<b>\"&\\'\\n漢🤖'] [\"it's\"] ['a\"b']"
        ),
        (
            "{{ l | tojson }} {{ d | tojson }} {{ u | tojson }} {{ u | tojson(ensure_ascii=true) }} {{ d | tojson(indent=2) }} {{ d | tojson(separators=(\",\", \":\")) }} {{ d | tojson(sort_keys=true) }} {{ [[], {}] | tojson(indent=4) }} {{ f | tojson }} {{ big | tojson }}",
            "[3, 1, 2] {\"b\": 1, \"a\": \"x\", \"items\": [1]} \"É<b>\\\"&'\\n漢🤖\" \"\\u00c9<b>\\\"&'\\n\\u6f22\\ud83e\\udd16\" {\n  \"b\": 1,\n  \"a\": \"x\",\n  \"items\": [\n    1\n  ]\n} {\"b\":1,\"a\":\"x\",\"items\":[1]} {\"a\": \"x\", \"b\": 1, \"items\": [1]} [\n    [],\n    {}\n] 2.5 1e+16"
        ),
        (
            "{{ s[0] }}{{ s[-1] }}{{ s[1:3] }}{{ s[::-1] }}{{ s[-5:] }}{{ s[:100] }}{{ l[::2] }}{{ l[-2:] }}{{ l[5:] }}{{ l[2:0:-1] }}",
            "HdeldlroW ,olleHWorldHello, World[3, 2][1, 2][][2, 1]"
        ),
        (
            "{{ s.split(\", \") }} {{ s.split() }} {{ \"a-b-c\".split(\"-\", 1) }} {{ \"a-b-c\".rsplit(\"-\", 1) }} {{ \"  x \".strip() }}| {{ \"xxaxx\".strip(\"x\") }} {{ \"xxaxx\".lstrip(\"x\") }} {{ s.partition(\",\") }} {{ \"a\\nb\\r\\nc\".splitlines() }}",
            "['Hello', 'World'] ['Hello,', 'World'] ['a', 'b-c'] ['a-b', 'c'] x| a axx ('Hello', ',', ' World') ['a', 'b', 'c']"
        ),
        (
            "{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ \"hELLO wORLD\".capitalize() }} {{ s.replace(\"l\", \"L\") }} {{ s.replace(\"l\", \"L\", 1) }} {{ s.find(\"World\") }} {{ s.count(\"l\") }} {{ s.startswith(\"He\") }} {{ s.endswith((\"x\", \"ld\")) }} {{ \"-\".join(words) }} {{ \"7\".zfill(3) }} {{ \"12\".isdigit() }} {{ \"ab\".isalpha() }}",
            "HELLO, WORLD hello, world Hello, World Hello world HeLLo, WorLd HeLlo, World 7 3 True True b-A-c 007 True True"
        ),
        (
            "{{ \"%s is %d and %.2f%%\" % (\"a\", 3, 2.345) }} {{ \"%05d|%-5s|%5s|%x\" % (42, \"ab\", \"cd\", 255) }} {{ \"{} {1} {x}\".format(\"a\") if false else \"{0}-{1}-{x}\".format(\"a\", \"b\", x=3) }} {{ \"%s\" | format(\"q\") }} {{ \"{:.1f}|{:>4}|{:<4}|\".format(2.25, 7, \"a\") }}",
            "a is 3 and 2.35% 00042|ab   |   cd|ff a-b-3 q 2.2|   7|a   |"
        ),
        (
            "{% for x in l %}{{ loop.index }}/{{ loop.length }}{{ x }}{{ \",\" if not loop.last }}{% else %}none{% endfor %} {% for x in [] %}x{% else %}none{% endfor %} {% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for x in l if x > 1 %}{{ loop.index0 }}{{ x }} {% endfor %}{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
            "1/33,2/31,3/32 none b=1;a=x;items=[1]; 03 12 <3>1 3<1>2 1<2> "
        ),
        (
            "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %} {{ range(3) | list }} {{ range(5, 0, -2) | list }} {{ range(2, 4) | list }}",
            "0134 [0, 1, 2] [5, 3, 1] [2, 3]"
        ),
        (
            "{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = i %}{% endfor %}{{ ns.x }}{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set q %}  block {{ a }} {% endset %}[{{ q }}]{% set q | upper %}abc{% endset %}{{ q }}",
            "1212[  block 1 ]ABC"
        ),
        (
            "{% macro m(a, b=2, c=\"x\") %}({{ a }}{{ b }}{{ c }}){% endmacro %}{{ m(1) }}{{ m(1, c=5) }}{{ m(1, 2, 3) }}{{ m() }}{% macro v() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ v(1, 2, z=3) }}{% macro w(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) w(9) %}body{{ y }}{% endcall %}",
            "(12x)(125)(123)(2x)(1, 2){'z': 3}<body9>"
        ),
        (
            "{% macro fac(n) %}{{ 1 if n < 2 else n * (fac(n - 1) | int) }}{% endmacro %}{{ fac(5) }} {% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is not number else x }}{% endfor %}",
            "120 123"
        ),
        (
            "{{ undefinedthing }}|{{ undefinedthing is defined }}|{{ d.nope is defined }}|{{ undefinedthing | default(\"dd\") }}|{{ e | default(\"x\") }}|{{ e | default(\"x\", true) }}|{{ n | d(\"y\") }}|{{ n or \"z\" }}|{{ undefinedthing ~ \"a\" }}|{{ undefinedthing == none }}|{{ undefinedthing | length }}|{{ \"x\" in undefinedthing }}|{% for q in undefinedthing %}{% endfor %}|{{ not undefinedthing }}",
            "|False|False|dd||x|None|z|a|False|0|False||True"
        ),
        (
            "{{ 1 is number }}{{ 1.0 is float }}{{ 1 is integer }}{{ true is integer }}{{ true is boolean }}{{ s is string }}{{ d is mapping }}{{ l is sequence }}{{ s is iterable }}{{ 3 is odd }}{{ 4 is divisibleby 2 }}{{ n is none }}{{ 1 is eq 1 }}{{ 1 is in [1] }}{{ \"A\" is upper }}{{ l is not string }}{{ s is not none and 1 == 1 }}{{ true is true }}{{ 1 is true }}{{ d.items is callable }}",
            "TrueTrueTrueFalseTrueTrueTrueTrueTrueTrueTrueTrueTrueTrueTrueTrueTrueTrueFalseTrue"
        ),
        (
            "{{ l | sort }} {{ words | sort }} {{ words | sort(reverse=true) }} {{ words | sort(case_sensitive=true) }} {{ people | sort(attribute=\"age\") | map(attribute=\"name\") | join(\",\") }} {{ d | dictsort }} {{ l | max }} {{ l | min }} {{ l | sum }} {{ [1, 1, 2] | unique | list }} {{ people | groupby(\"age\") | map(\"first\") | list }} {{ people | map(attribute=\"tags\", default=\"-\") | list }}",
            "[1, 2, 3] ['A', 'b', 'c'] ['c', 'b', 'A'] ['A', 'b', 'c'] Ann,Cy,bob [('a', 'x'), ('b', 1), ('items', [1])] 3 1 6 [1, 2] [3, 5] [['x'], '-', '-']"
        ),
        (
            "{{ people | selectattr(\"age\", \"equalto\", 3) | map(attribute=\"name\") | list }} {{ people | rejectattr(\"tags\") | list | length }} {{ [1, \"a\", 2] | select(\"string\") | list }} {{ [1, 2, 3] | reject(\"odd\") | list }} {{ words | map(\"upper\") | join }} {{ [0, 1, none] | select | list }}",
            "['Ann', 'Cy'] 2 ['a'] [2] BAC [1]"
        ),
        (
            "{{ s | length }} {{ \"  a \" | trim }}| {{ s | replace(\"o\", \"0\") }} {{ \"a b\" | title }} {{ \"3.7\" | int }} {{ \"x\" | int(5) }} {{ \"1.5\" | float }} {{ 3.14159 | round(2) }} {{ 2.5 | round }} {{ 3 | round }} {{ 2.1 | round(method=\"ceil\") }} {{ -3 | abs }} {{ (-3) | abs }} {{ s | first }} {{ l | last }} {{ s | reverse }} {{ l | reverse | list }} {{ \"<&>'\\\"\" | e }} {{ \"a b/c?é\" | urlencode }} {{ \"x\" | center(5) }}| {{ \"a b  c\" | wordcount }}",
            "12 a| Hell0, W0rld A B 3 5 1.5 3.14 2.0 3 3.0 3 3 H 2 dlroW ,olleH [2, 1, 3] &lt;&amp;&gt;&#39;&#34; a%20b/c%3F%C3%A9   x  | 3"
        ),
        (
            "{{ \"a\\nb\\n\\nc\" | indent(2) }}|{{ \"a\\nb\" | indent(2, true) }}|{{ \"a\\n\\nb\" | indent(width=\">\", blank=true) }}|{{ l | batch(2) | list }}|{{ l | slice(2) | list }}|{{ l | batch(2, 0) | list }}|{{ s | list | length }}|{{ d | items | list }}|{{ d | length }}|{{ d | list }}",
            "a\n  b\n\n  c|  a\n  b|a\n>\n>b|[[3, 1], [2]]|[[3, 1], [2]]|[[3, 1], [2, 0]]|12|[('b', 1), ('a', 'x'), ('items', [1])]|3|['b', 'a', 'items']"
        ),
        (
            "{{ d.items() | list }} {{ d[\"items\"] }} {{ d.a }} {{ d[\"a\"] }} {{ d.get(\"zz\") }} {{ d.get(\"zz\", 4) }} {{ d.keys() | list }} {{ d.values() | list }} {{ \"a\" in d }} {{ \"zz\" not in d }} {{ 2 in l }} {{ \"World\" in s }} {{ l.index(1) }} {{ l.count(3) }}",
            "[('b', 1), ('a', 'x'), ('items', [1])] [1] x x None 4 ['b', 'a', 'items'] [1, 'x', [1]] True True True True 1 1"
        ),
        (
            "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ \"a\" < \"b\" }} {{ [1, 2] == [1, 2] }} {{ [1, 2] < [1, 3] }} {{ not 1 == 2 }} {{ 1 and 0 or 5 }} {{ none == none }} {{ {\"a\": 1} == {\"a\": 1.0} }} {{ -2 ** 2 }} {{ 1 - -1 }} {{ +3 }} {{ \"a\" * 3 }} {{ [1] * 2 }} {{ 2 ** 3 ** 2 }} {{ \"a\" ~ 1 ~ none }} {{ (1, 2) + (3,) }}",
            "True False True True True True True True 5 True True 4 2 3 aaa [1, 1] 64 a1None (1, 2, 3)"
        ),
        (
            "  {% if true %}\n  a\n  {% endif %}\n b {# c #}\n  {# d #}\n{{ 1 }}\n\n  {%- if true -%}  \n x {%- endif %}\n{%+ if true %} y{% endif +%}\n z {{- 1 -}}  w\n",
            "  a\n b 1x y\n z1w"
        ),
        (
            "{% raw %}{{ x }}{% if %}{% endraw %}|{%- raw -%}  a  {%- endraw -%}  |\n  {% raw %}\n r\n  {% endraw %}\nend\n\n",
            "{{ x }}{% if %}|a|\n\n r\nend\n"
        ),
        (
            "{{ \"a\" \"b\" }} {{ 'it\\'s' }} {{ \"\\u00e9\\x41\\t|\\\\\" }} {{ \"\\d\" }} {{ 1_000 }} {{ 1.5e2 }} {{ {\"a\": {\"b\": [1, {\"c\": 2}]}}.a.b[1].c }} {{ l.0 }} {{ (l | first) + 1 }} {{ \"a,b\".split(\",\")[1] }} {{ [1, 2,][0] }} {{ \"x\" if 0 }}|{{ \"y\" if 0 else \"n\" if 0 else \"m\" }}",
            "ab it's éA\t|\\ \\d 1000 150.0 2 3 4 b 1 |m"
        ),
        (
            "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}{% filter upper %}abc {{ s }}{% endfilter %}{% if l %}{% set scoped = 5 %}{% endif %}{{ scoped }}{% set c = cycler(\"a\", \"b\") %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{% set j = joiner(\"-\") %}{{ j() }}x{{ j() }}y{% for x in l %}{{ loop.cycle(\"o\", \"e\") }}{{ loop.changed(x > 1) }}{% endfor %}",
            "3FalseABC HELLO, WORLD5abax-yoTrueeTrueoTrue"
        ),
        (
            "{{ dict(a=1, b=\"c\") }} {{ dict([[\"k\", 2]]) }} {{ namespace(a=1).a }} {% for x in d %}{{ x }}{% endfor %} {% for c in \"héy\" %}{{ c }}.{% endfor %} {% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %} {{ l | join(\"|\") }} {{ people | join(\", \", attribute=\"name\") }} {{ people[0].name }} {{ people[0][\"age\"] + 1 }} {{ people[-1].name }}",
            "{'a': 1, 'b': 'c'} {'k': 2} 1 baitems h.é.y. 6 3|1|2 Ann, bob, Cy Ann 4 Cy"
        ),
        (
            "{{ 5 | string + \"x\" }} {{ \"5\" | int + 1 }} {{ \"%.3f\" | format(1.0005) }} {{ \"a\" is string and \"b\" }} {{ (1, 2)[0] }} {{ none is none }} {{ \"abc\"[1] }} {{ s.index(\"W\") }} {{ s.rfind(\"o\") }} {{ \"AbC\".swapcase() }} {{ \"a-b\" | capitalize }} {{ 1.0 | int }} {{ 10 | string | length }} {{ \"z\".center(4, \"*\") }} {{ \"z\".rjust(3) }}| {{ \"ab\".removeprefix(\"a\") }} {{ \"ß\".upper() }} {{ 7 | float }}",
            "5x 6 1.000 b 1 True b 7 8 aBc A-b 1 2 *z**   z| b SS 7.0"
        ),
    ]

    static let failing: [String] = [
        "{{ 1 + 'a' }}",
        "{{ x.y }}",
        "{{ none + 1 }}",
        "{% for x in 5 %}{% endfor %}",
        "{{ 1 < 'a' }}",
        "{{ 'a' in 5 }}",
        "{{ undefinedthing() }}",
        "{{ 1 / 0 }}",
        "{{ d | nofilter }}",
        "{{ 1 is notest }}",
        "{{ [1] + 'a' }}",
        "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
        "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}",
        "{% set a, b = [1] %}",
        "{{ undefinedthing | tojson }}",
        "{{ {[]: 1} }}",
        "{{ 5 | length }}",
    ]

    static let malformed: [String] = [
        "{% if %}",
        "{{ }}",
        "{% for x %}",
        "{% endfor %}",
        "{{ 1 + }}",
        "{% if true %}",
        "{{ 'abc }}",
        "{% unknown %}",
        "{{ [1, 2 }}",
        "{# open",
        "{{ a.b. }}",
        "{% raw %}x",
        "{% set 5 = 1 %}",
        "{{ (1 }}",
        "{{ 1 | }}",
        "{% break %}",
        "{{ a ! b }}",
        "{% macro m(a=1, b) %}{% endmacro %}",
    ]

    static func render(_ source: String) throws -> String {
        let object = try #require(try JSONValue(parsing: variables).objectValue)
        return try Template(source).render(object.map { ($0.key, $0.value) }, now: CalendarTime(year: 2025, month: 7, day: 26))
    }

    @Test(arguments: rendered.indices) func rendersLikePython(_ index: Int) throws {
        let (source, text) = Self.rendered[index]
        #expect(try Self.render(source) == text, "\(source)")
    }

    @Test(arguments: failing) func failsLikePython(_ source: String) throws {
        #expect {
            try Self.render(source)
        } throws: {
            if case .evaluation(_, line: 1) = $0 as? JinjaError { true } else { false }
        }
    }

    @Test(arguments: malformed) func isNoTemplate(_ source: String) throws {
        #expect {
            try Template(source)
        } throws: {
            if case .syntax = $0 as? JinjaError { true } else { false }
        }
    }
}

"""Kubernetes' CEL functions: the examples of Kubernetes' documentation, and what an API server answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine import cel
from kube_audit.engine.cel_formats import FORMATS
from kube_audit.engine.cel_kubernetes import FORMAT_NAMES


def value(expression: str, **variables: Any) -> Any:
    return cel.compile(expression).evaluate(cel.activation(variables))


# https://kubernetes.io/docs/reference/using-api/cel/ and the documentation of k8s.io/apiserver/pkg/cel/library.
DOCUMENTED: dict[str, list[tuple[str, Any]]] = {
    "lists": [
        ("[1, 2, 3].isSorted()", True),
        ("['a', 'b', 'b', 'c'].isSorted()", True),
        ("[2.0, 1.0].isSorted()", False),
        ("[1].isSorted()", True),
        ("[].isSorted()", True),
        ("[1, 3].sum()", 4),
        ("[1.0, 3.0].sum()", 4.0),
        ("[].sum()", 0),
        ("[1, 3].min()", 1),
        ("[1, 3].max()", 3),
        ("[1].min()", 1),
        ("([0] + []).min()", 0),
        ("[1, 2, 2, 3].indexOf(2)", 1),
        ("['a', 'b', 'b', 'c'].lastIndexOf('b')", 2),
        ("[1.0].indexOf(1.1)", -1),
        ("[].indexOf('string')", -1),
        ("self.items.map(x, x.weight).sum() == 1.0", True),
        ("self.low.map(x, x.priority).max() < self.high.map(x, x.priority).min()", True),
        ("self.names.isSorted()", True),
    ],
    "regular expressions": [
        ("'abc 123'.find('[0-9]+')", "123"),
        ("'abc 123'.find('xyz')", ""),
        ("'123 abc 456'.findAll('[0-9]+')", ["123", "456"]),
        ("'123 abc 456'.findAll('[0-9]+', 1)", ["123"]),
        ("'123 abc 456'.findAll('xyz')", []),
        ("'1, 2, 3, 4'.findAll('[0-9]+').map(x, int(x)).sum() < 100", True),
    ],
    "URLs": [
        ("isURL('https://user:pass@example.com:80/path?query=val#fragment')", True),
        ("isURL('/absolute-path')", True),
        ("isURL('https://a:b:c/')", False),
        ("isURL('../relative-path')", False),
        ("url('/path').getScheme()", ""),
        ("url('https://example.com/').getScheme()", "https"),
        ("url('https://example.com:80/').getHost()", "example.com:80"),
        ("url('https://example.com/').getHost()", "example.com"),
        ("url('https://[::1]:80/').getHost()", "[::1]:80"),
        ("url('https://[::1]/').getHost()", "[::1]"),
        ("url('/path').getHost()", ""),
        ("url('https://example.com:80/').getHostname()", "example.com"),
        ("url('https://127.0.0.1:80/').getHostname()", "127.0.0.1"),
        ("url('https://[::1]:80/').getHostname()", "::1"),
        ("url('/path').getHostname()", ""),
        ("url('https://example.com:80/').getPort()", "80"),
        ("url('https://example.com/').getPort()", ""),
        ("url('/path').getPort()", ""),
        ("url('https://example.com/path').getEscapedPath()", "/path"),
        ("url('https://example.com/path with spaces/').getEscapedPath()", "/path%20with%20spaces/"),
        ("url('https://example.com').getEscapedPath()", ""),
        ("url('https://example.com/path?k1=a&k2=b&k2=c').getQuery()", {"k1": ["a"], "k2": ["b", "c"]}),
        (
            "url('https://example.com/path?key with spaces=value with spaces').getQuery()",
            {"key with spaces": ["value with spaces"]},
        ),
        ("url('https://example.com/path?').getQuery()", {}),
        ("url('https://example.com/path').getQuery()", {}),
    ],
    "quantities": [
        ("isQuantity('1.3G')", True),
        ("isQuantity('1.3Gi')", True),
        ("isQuantity('1,3G')", False),
        ("isQuantity('10000k')", True),
        ("isQuantity('200K')", False),
        ("isQuantity('Three')", False),
        ("isQuantity('Mi')", False),
        ("quantity('50000000G').isInteger()", True),
        ("quantity('50k').isInteger()", True),
        ("quantity('9999999999999999999999999999999999999G').isInteger()", False),
        ("quantity('9999999999999999999999999999999999999G').asApproximateFloat()", 1e46),
        ("quantity('50k').asInteger() == 50000", True),
        ("quantity('50k').sub(20000).asApproximateFloat() == 30000.0", True),
        ("quantity('50k').add('20k') == quantity('70k')", True),
        ("quantity('50k').add(20) == quantity('50020')", True),
        ("quantity('50k').sub('20k') == quantity('30k')", True),
        ("quantity('50k').sub(20000) == quantity('30k')", True),
        ("quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')", True),
        ("quantity('200M').compareTo(quantity('0.2G'))", 0),
        ("quantity('50M').compareTo(quantity('50Mi'))", -1),
        ("quantity('50Mi').compareTo(quantity('50M'))", 1),
        ("quantity('150Mi').isGreaterThan(quantity('100Mi'))", True),
        ("quantity('50Mi').isGreaterThan(quantity('100Mi'))", False),
        ("quantity('50M').isLessThan(quantity('100M'))", True),
        ("quantity('100M').isLessThan(quantity('50M'))", False),
        ("quantity('-1').sign()", -1),
        ("sign(quantity('0'))", 0),
    ],
    "IP addresses": [
        ("isIP('127.0.0.1')", True),
        ("isIP('::1')", True),
        ("isIP('127.0.0.256')", False),
        ("isIP(':::1')", False),
        ("ip.isCanonical('127.0.0.1')", True),
        ("ip.isCanonical('2001:db8::abcd')", True),
        ("ip.isCanonical('2001:DB8::ABCD')", False),
        ("ip.isCanonical('2001:db8::0:0:0:abcd')", False),
        ("ip('127.0.0.1').family()", 4),
        ("ip('::1').family()", 6),
        ("ip('0.0.0.0').isUnspecified()", True),
        ("ip('127.0.0.1').isUnspecified()", False),
        ("ip('::').isUnspecified()", True),
        ("ip('127.0.0.1').isLoopback()", True),
        ("ip('192.168.0.1').isLoopback()", False),
        ("ip('::1').isLoopback()", True),
        ("ip('224.0.0.1').isLinkLocalMulticast()", True),
        ("ip('224.0.1.1').isLinkLocalMulticast()", False),
        ("ip('ff02::1').isLinkLocalMulticast()", True),
        ("ip('fd00::1').isLinkLocalMulticast()", False),
        ("ip('169.254.169.254').isLinkLocalUnicast()", True),
        ("ip('192.168.0.1').isLinkLocalUnicast()", False),
        ("ip('fe80::1').isLinkLocalUnicast()", True),
        ("ip('fd80::1').isLinkLocalUnicast()", False),
        ("ip('192.168.0.1').isGlobalUnicast()", True),
        ("ip('255.255.255.255').isGlobalUnicast()", False),
        ("ip('2001:db8::abcd').isGlobalUnicast()", True),
        ("ip('ff00::1').isGlobalUnicast()", False),
        ("string(ip('2001:DB8::1'))", "2001:db8::1"),
        ("ip('2001:DB8::1') == ip('2001:db8:0::1')", True),
    ],
    "CIDR ranges": [
        ("isCIDR('192.168.0.0/16')", True),
        ("isCIDR('::1/128')", True),
        ("isCIDR('192.168.0.0/33')", False),
        ("isCIDR('::1/129')", False),
        ("isCIDR('::ffff:1.2.3.4/24')", False),
        ("cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))", True),
        ("cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))", False),
        ("cidr('192.168.0.0/24').containsIP('192.168.0.1')", True),
        ("cidr('192.168.0.0/24').containsIP('::1')", False),
        ("cidr('192.168.0.0/16').containsCIDR(cidr('192.168.10.0/24'))", True),
        ("cidr('192.168.1.0/24').containsCIDR(cidr('192.168.2.0/24'))", False),
        ("cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", True),
        ("cidr('192.168.0.1/24').ip()", "192.168.0.1"),
        ("cidr('192.168.0.1/24').ip().family()", 4),
        ("cidr('::1/128').ip().family()", 6),
        ("cidr('192.168.0.1/24').masked()", "192.168.0.0/24"),
        ("cidr('192.168.0.0/24') == cidr('192.168.0.0/24').masked()", True),
        ("cidr('192.168.0.1/24') == cidr('192.168.0.1/24').masked()", False),
        ("cidr('192.168.0.0/16').prefixLength()", 16),
        ("cidr('::1/128').prefixLength()", 128),
        ("string(cidr('192.168.0.1/24'))", "192.168.0.1/24"),
    ],
    "formats": [
        ("format.dns1123Label().validate('my-label-name').hasValue()", False),
        ("format.dns1123Subdomain().validate('apiextensions.k8s.io').hasValue()", False),
        ("format.dns1035Label().validate('my-label-name').hasValue()", False),
        ("format.qualifiedName().validate('apiextensions.k8s.io/v1beta1').hasValue()", False),
        ("format.dns1123LabelPrefix().validate('my-label-prefix-').hasValue()", False),
        ("format.dns1123SubdomainPrefix().validate('mysubdomain.prefix.-').hasValue()", False),
        ("format.dns1035LabelPrefix().validate('my-label-prefix-').hasValue()", False),
        ("format.labelValue().validate('my-cool-label-Value').hasValue()", False),
        ("format.labelValue().validate('my-cool-label-Value!!').hasValue()", True),
        ("format.uri().validate('http://example.com').hasValue()", False),
        ("format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()", False),
        ("format.byte().validate('aGVsbG8=').hasValue()", False),
        ("format.byte().validate('aGVsbG8').hasValue()", True),
        ("format.date().validate('2021-01-01').hasValue()", False),
        ("format.date().validate('2020-01-32').hasValue()", True),
        ("format.datetime().validate('2021-01-01T00:00:00Z').hasValue()", False),
        ("format.datetime().validate('2020-01-32T00:00:00Z').hasValue()", True),
        ("format.named('unknown').hasValue()", False),
        ("format.named('uri').value() == format.uri()", True),
        ("format.uuid() == format.uri()", False),
        ("format.named('uuid').value().validate('x').orValue([]).size()", 1),
        ("format.dns1123Label().validate('ok').orValue(['none'])", ["none"]),
        ("format.dns1123Label().validate(self.names[0] + ')').optMap(p, p.size()).orValue(0)", 1),
        ("'.validate(' + 'format.named('", ".validate(format.named("),
    ],
    "semantic versions": [
        ("isSemver('1.0.0')", True),
        ("isSemver('hello')", False),
        ("isSemver('v1.0')", False),
        ("isSemver('v1.0', true)", True),
        ("isSemver('1.2.3-beta.1+build.1')", True),
        ("isSemver('01.01.01')", False),
        ("isSemver('01.01.01', true)", True),
        ("semver('v01.01', true) == semver('1.1.0')", True),
        ("semver('1.2.3').major()", 1),
        ("semver('1.2.3').minor()", 2),
        ("semver('1.2.3').patch()", 3),
        ("semver('1.2.3').compareTo(semver('1.2.3'))", 0),
        ("semver('1.2.3').compareTo(semver('2.0.0'))", -1),
        ("semver('1.2.3').compareTo(semver('0.1.2'))", 1),
        ("semver('1.0.0-alpha.2').isLessThan(semver('1.0.0-alpha.10'))", True),
        ("semver('1.0.0').isGreaterThan(semver('1.0.0-rc.1'))", True),
        ("semver('1.2.3+one') == semver('1.2.3+two')", True),
    ],
    "the language and the community's libraries": [
        ("self.minReplicas <= self.replicas && self.replicas <= self.maxReplicas", True),
        ("'Available' in self.stateCounts", True),
        ("self.envars.filter(e, e.name == 'MY_ENV').all(e, e.value.matches('^[a-zA-Z]*$'))", True),
        ("has(self.expired) && self.expired", False),
        ("type(self.replicas) == string ? self.replicas == '99%' : self.replicas == 3", True),
        ("self.names.all(n, !(n in self.stateCounts))", True),
        ("self.?missing.?deeper.orValue('absent')", "absent"),
        ("self.stateCounts[?'Available'].optMap(n, n + 1).orValue(0)", 5),
        ("sets.contains([1, 2], [1])", True),
        ("sets.equivalent([1, 2], [2, 1, 1])", True),
        ("sets.intersects([1], [2])", False),
        ("[1, 2, 3].all(i, v, v > i)", True),
        ("{'a': 1}.exists(k, v, k == 'a' && v == 1)", True),
        ("[1, 2].transformList(i, v, i + v)", [1, 3]),
        ("cel.bind(n, self.replicas, n * n)", 9),
        ("math.greatest(1, 2.5)", 2.5),
        ("base64.encode(b'hello')", "aGVsbG8="),
        ("'hello'.charAt(4)", "o"),
        ("'hello mellow'.indexOf('ello')", 1),
        ("'hello mellow'.lastIndexOf('ello')", 7),
        ("'TacoCat'.lowerAscii()", "tacocat"),
        ("'TacoCat'.upperAscii()", "TACOCAT"),
        ("'hello hello'.replace('he', 'we', 1)", "wello hello"),
        ("'a,b,c'.split(',')", ["a", "b", "c"]),
        ("['hello', 'mellow'].join(' ')", "hello mellow"),
        ("'tacocat'.substring(4)", "cat"),
        ("'  trim  '.trim()", "trim"),
        ("'%s has %d'.format(['web', 2])", "web has 2"),
        ("[3, 1, 2].sort()", [1, 2, 3]),
        ("[[1], [2]].flatten()", [1, 2]),
        ("[1, 1, 2].distinct()", [1, 2]),
        ("duration('90m').getHours()", 1),
        ("timestamp('2020-01-02T00:00:00Z').getFullYear()", 2020),
        ("dyn(1) == 1.0 && 1 < 1.5", True),
    ],
}
SELF = {
    "minReplicas": 1,
    "replicas": 3,
    "maxReplicas": 5,
    "stateCounts": {"Available": 4},
    "envars": [{"name": "MY_ENV", "value": "ok"}, {"name": "OTHER", "value": "1"}],
    "names": ["a", "b"],
    "items": [{"weight": 0.25}, {"weight": 0.75}],
    "low": [{"priority": 1}, {"priority": 2}],
    "high": [{"priority": 7}, {"priority": 9}],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [pytest.param(*row, id=row[0]) for rows in DOCUMENTED.values() for row in rows],
)
def test_the_documented_examples_hold(expression: str, expected: Any) -> None:
    assert value(expression, self=SELF) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("[].min()", "empty list"),
        ("[1, 'a'].max()", "cannot be ordered"),
        ("[true, 1].isSorted()", "cannot be ordered"),
        ("['a'].sum()", "list of numbers"),
        ("[9223372036854775807, 1].sum()", "64 bits"),
        ("'a'.find('(')", "no regular expression"),
        ("url('https://a:b:c/')", "port"),
        ("url('../relative-path')", "neither absolute"),
        ("quantity('200K')", "200Ki"),
        ("quantity('Three')", "no number"),
        ("quantity('Mi')", "no number"),
        ("quantity('9999999999999999999999999999999999999G').asInteger()", "64 bits"),
        ("quantity('1500m').asInteger()", "no integer"),
        ("{'a': 1}.isLessThan(quantity('1'))", "call quantity"),
        ("ip('127.0.0.256')", "no IP address"),
        ("ip('fe80::1%eth0')", "zone"),
        ("ip('::ffff:1.2.3.4')", "IPv4"),
        ("ip('01.2.3.4')", "no IP address"),
        ("cidr('192.168.0.0/33')", "at most 32"),
        ("cidr('192.168.0.0/08')", "no CIDR"),
        ("cidr('192.168.0.0')", "no CIDR"),
        ("semver('v1.0')", "MAJOR.MINOR.PATCH"),
        ("semver('1.0-rc', true)", "short one"),
        ("'nonsense'.validate('x').hasValue()", "dns1123Label"),
        ("image('a:b:c')", "no tag"),
    ],
)
def test_what_cannot_be_done_is_an_error_with_a_reason(expression: str, reason: str) -> None:
    with pytest.raises(cel.EvaluationError, match=reason):
        value(expression)


def test_an_error_on_one_side_does_not_spoil_a_settled_condition() -> None:
    assert value("quantity('x').isInteger() || true") is True
    assert value("false && [].min() > 0") is False


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'123 abc 456'.findAll('[0-9]*')", ["123", "", "", "", "", "456"]),
        ("'abc 123'.find('[0-9]*')", ""),
        ("'abc'.findAll('')", ["", "", "", ""]),
        ("'aXbX'.findAll('(X)')", ["X", "X"]),
        ("'aab'.findAll('(a)(b)?')", ["a", "ab"]),
        ("'a\\u001fb\\u001f\\u001ec'.findAll('[a-c]')", ["a", "b", "c"]),
        ("'ab ab'.findAll('^a')", ["a"]),
        ("'AbaB'.findAll('\\\\b\\\\w', 2)", ["A"]),
        ("'aaa'.findAll('a', -1)", ["a", "a", "a"]),
        ("'aaa'.findAll('a', 0)", []),
    ],
)
def test_matches_are_those_of_an_api_server_empty_ones_included(expression: str, expected: Any) -> None:
    assert value(expression) == expected


def test_no_regular_expression_backtracks() -> None:
    assert value("self.find('(a+)+$') == '' && self.findAll('(a|a)*b').size() == 0", self="a" * 50_000 + "!")


def test_elements_are_looked_up_as_cel_compares_them() -> None:
    assert value("[true, 1.0, 'a'].indexOf(1)") == 1
    assert value("[{'a': [1]}, {'a': [1.0]}].lastIndexOf({'a': [1]})") == 1


def test_quantities_of_a_manifest_may_be_numbers() -> None:
    assert value("quantity(self.cpu).isGreaterThan(quantity('1999m'))", self={"cpu": 2}) is True
    assert value("quantity(self.cpu) == quantity('500m')", self={"cpu": 0.5}) is True


def test_quantities_lose_nothing_however_large_they_are() -> None:
    assert value("quantity('9999999999999999999999999999999999E').add('1n').sub('1n') == quantity('1E')") is False
    assert value(
        "quantity('9999999999999999999999999999999999E').add('1n').sub('9999999999999999999999999999999999E')"
    ) == {"quantity": "0.000000001"}


def test_every_format_exists_under_its_name() -> None:
    assert set(FORMAT_NAMES) == set(FORMATS)
    for name in FORMAT_NAMES:
        assert value(f"format.named('{name}').value() == format.{name}()") is True


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("dns1123Label", ["a", "1a", "a" * 63], ["", "A", "a.b", "-a", "a" * 64, "a\n"]),
        ("dns1123Subdomain", ["a", "a.b-c.d", "1.2"], ["", "a..b", "a_b", "a." * 127 + "a"]),
        ("dns1035Label", ["a1"], ["1a", "a-", ""]),
        ("qualifiedName", ["a", "x.io/A_b.c"], ["", "x/y/z", "/a", "X.io/a", "a/", "a" * 64]),
        ("labelValue", ["", "A_b.c"], ["-a", "a b", "a" * 64]),
        ("dns1123LabelPrefix", ["a-", "a"], ["-", "AB-"]),
        ("uri", ["/a", "mailto:x@y"], ["a", ""]),
        ("uuid", ["123E4567e89b12d3a456426614174000"], ["123e4567"]),
        ("byte", ["aGVs"], ["", "a===", "aGVsbG8=\n"]),
        ("date", ["2020-02-29"], ["2021-02-29", "2021-1-01", "10000-01-01"]),
        ("datetime", ["2021-01-01t00:00:00.5+01:00"], ["2021-01-01", "2021-01-01T24:00:00Z", "2021-01-01T00:00:00"]),
    ],
)
def test_formats_say_what_is_wrong_and_nothing_about_what_is_right(name: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert value(f"format.{name}().validate(self).hasValue()", self=text) is False, text
    for text in bad:
        problems = value(f"format.{name}().validate(self).value()", self=text)
        assert problems, text
        assert all(isinstance(problem, str) and problem for problem in problems)


def test_an_image_has_its_parts_by_name() -> None:
    assert value("image('quay.io:443/team/app:v1')") == {
        "registry": "quay.io:443",
        "repository": "team/app",
        "name": "app",
        "tag": "v1",
        "digest": "",
        "scheme": "",
        "canonical": "quay.io:443/team/app",
    }
    assert value("image('nginx').registry == '' && image('nginx').canonical == 'docker.io/library/nginx'") is True
    assert value("image('ko://example.com/app').scheme") == "ko"
    assert value("isImage('nginx') && !isImage('ko://x/y') && !isImage('a b')") is True


def test_placeholders_are_told_from_values() -> None:
    assert value("placeholder('${TAG}') && !placeholder('v1')") is True


@pytest.mark.parametrize(
    ("selector", "matching"),
    [
        ({}, True),
        (None, False),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchLabels": {"app": "web", "tier": "x"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_label_selectors_select_as_in_kubernetes(selector: Any, matching: bool) -> None:
    assert value("matchesSelector(self, object)", self=selector, object={"app": "web"}) is matching


def test_plain_selectors_ask_for_every_pair() -> None:
    labels = {"app": "web", "tier": "front"}
    assert value("matchesLabels({'app': 'web'}, self)", self=labels) is True
    assert value("matchesLabels({'app': 'web', 'x': 'y'}, self)", self=labels) is False
    assert value("matchesLabels({}, self)", self=labels) is True
    assert value("matchesLabels(null, self)", self=labels) is False
    assert value("matchesLabels({'app': 'web'}, null)") is False


_labels = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), max_size=4)


@given(_labels, _labels)
def test_a_plain_selector_matches_whatever_holds_it(selector: dict[str, str], labels: dict[str, str]) -> None:
    expected = selector.items() <= labels.items()
    assert value("matchesLabels(self, object)", self=selector, object=labels) is expected
    assert value("matchesSelector({'matchLabels': self}, object)", self=selector, object=labels) is expected


@given(_labels, st.sampled_from("abcd"), st.lists(st.sampled_from("xyz"), min_size=1))
def test_in_and_not_in_are_opposites(labels: dict[str, str], key: str, values: list[str]) -> None:
    def matches(operator: str) -> Any:
        selector = {"matchExpressions": [{"key": key, "operator": operator, "values": values}]}
        return value("matchesSelector(self, object)", self=selector, object=labels)

    assert matches("In") is (labels.get(key) in values)
    assert matches("NotIn") is not matches("In")


def test_the_closest_name_is_the_same_in_any_order() -> None:
    assert value("similar('frontedn', ['backend', 'frontend'])") == "frontend"
    assert value("similar('something', ['else'])") == ""
    assert value("similar('weba', ['webc', 'webb'])") == value("similar('weba', ['webb', 'webc'])") == "webb"
    assert value("similar('web', [1, null, 'webb'])") == "webb"

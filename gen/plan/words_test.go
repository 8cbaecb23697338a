package plan

import "testing"

func TestGoNamesSpellInitialisms(t *testing.T) {
	for name, want := range map[string]string{
		"storageIntent": "StorageIntent", "data-domain": "DataDomain", "cpu": "CPU", "tls": "TLS", "clusterId": "ClusterID",
		"redirectUris": "RedirectURIs", "caFingerprint": "CAFingerprint", "isLeader": "IsLeader", "RdfStore": "RDFStore",
		"m2m-permission": "M2MPermission", "HttpCheck": "HTTPCheck", "ipAddress": "IPAddress", "otel": "Otel", "full-replication": "FullReplication",
	} {
		if got := goName(name); got != want {
			t.Errorf("goName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestVariablesAreNeverTaken(t *testing.T) {
	for name, want := range map[string]string{
		"type": "typeValue", "range": "rangeValue", "default": "defaultValue", "base": "baseValue", "string": "stringValue",
		"size": "size", "clusterId": "clusterID", "data-domain": "dataDomain",
	} {
		if got := varName(name); got != want {
			t.Errorf("varName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestFilesCompileOnEverySystem(t *testing.T) {
	for word, want := range map[string]string{
		"volume": "volume.go", "data-domain": "data_domain.go", "load-test": "load_test_kind.go", "on-linux": "on_linux_kind.go", "arm": "arm_kind.go",
	} {
		if got := fileName(word); got != want {
			t.Errorf("fileName(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestArticles(t *testing.T) {
	for label, want := range map[string]string{
		"volume": "a volume", "ingress": "an ingress", "HTTP check": "an HTTP check", "RDF store": "an RDF store", "OpenTelemetry export": "an OpenTelemetry export",
		"event store": "an event store", "URL": "a URL",
	} {
		if got := article(label); got != want {
			t.Errorf("article(%q) = %q, want %q", label, got, want)
		}
	}
}

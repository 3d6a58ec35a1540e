package glue_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/cosmostat/constellation/internal/testing/gluetest"
	"github.com/cosmostat/constellation/pkg/catalog/glue"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// What Glue refuses is one error with its object, place, remedy and code, whichever
// call it refuses, and nothing is committed.
func TestRefused(t *testing.T) {
	const denied = "User: arn:aws:iam::123456789012:user/x is not authorized to perform it on the resource"
	for name, r := range map[string]struct {
		status     int
		kind, says string // of Glue
		want       fault.Kind
		remedy     string
	}{
		"no right":               {http.StatusBadRequest, "AccessDeniedException", denied, fault.BadInput, "get the right glue:"},
		"no right, of IAM":       {http.StatusForbidden, "AccessDenied", denied, fault.BadInput, "AWS Lake Formation"},
		"old credentials":        {http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired", fault.BadInput, "renew those of the AWS environment"},
		"unknown credentials":    {http.StatusBadRequest, "UnrecognizedClientException", "The security token is invalid", fault.BadInput, "renew those of the AWS environment"},
		"a wrong secret":         {http.StatusForbidden, "InvalidSignatureException", "The signature does not match", fault.BadInput, "renew those of the AWS environment"},
		"a key of an encryption": {http.StatusBadRequest, "GlueEncryptionException", "Access to KMS denied", fault.BadInput, "kms:Decrypt"},
		"a quota":                {http.StatusBadRequest, "ResourceNumberLimitExceededException", "Number of tables exceeded", fault.BadInput, "quota"},
		"something":              {http.StatusBadRequest, "InvalidInputException", "1 validation error", fault.BadInput, "mend what it says"},
		"throttled":              {http.StatusBadRequest, "ThrottlingException", "Rate exceeded", fault.Transient, "try again"},
		"too many":               {http.StatusTooManyRequests, "TooManyRequestsException", "Rate exceeded", fault.Transient, "try again"},
		"slow":                   {http.StatusBadRequest, "OperationTimeoutException", "timed out", fault.Transient, "try again"},
		"ill":                    {http.StatusInternalServerError, "InternalServiceException", "internal", fault.Transient, "try again"},
		"away":                   {http.StatusServiceUnavailable, "ServiceUnavailable", "away", fault.Transient, "try again"},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := catalogue(t)
			t.Setenv("AWS_MAX_ATTEMPTS", "1") // those that pass are tried again, which takes a while
			c := open(t, s)
			tb := lay(t, c)
			for op, do := range map[string]func() error{
				"GetTable":       func() error { _, err := open(t, s).LoadTable(t.Context(), ident); return err },
				"UpdateTable":    func() error { _, err := add(t.Context(), tb, 7); return err },
				"CreateTable":    func() error { _, err := c.CreateTable(t.Context(), table.Identifier{"shear", "x"}, schema); return err },
				"CreateDatabase": func() error { return c.CreateNamespace(t.Context(), table.Identifier{"y"}, nil) },
				"GetDatabase":    func() error { _, err := c.CheckNamespaceExists(t.Context(), ident[:1]); return err },
			} {
				server.Before(func(asked string, _ []byte) *gluetest.Refusal {
					if asked != op {
						return nil
					}
					return &gluetest.Refusal{Status: r.status, Type: r.kind, Says: r.says}
				})
				err := do()
				if err == nil {
					t.Errorf("%s: it isn't refused", op)
					continue
				}
				text := err.Error()
				if fault.CodeOf(err) != glue.CodeSettings || fault.KindOf(err) != r.want || errors.Is(err, table.ErrCommitFailed) {
					t.Errorf("%s: %v", op, err)
				}
				for _, part := range []string{s.URI, "glue:" + op, r.says, r.remedy, map[bool]string{true: "database ", false: "table shear."}[strings.HasSuffix(op, "Database")]} {
					if !strings.Contains(text, part) {
						t.Errorf("%s: %s isn't in it: %v", op, part, err)
					}
				}
			}
			server.Before(nil)
			if got := tiles(t, c); len(got) != 0 {
				t.Errorf("rows of refused commits are there: %v", got)
			}
		})
	}
}

// Something else that has the table's name is refused, and left as it is.
func TestOtherTables(t *testing.T) {
	server, s := catalogue(t)
	c := open(t, s)
	lay(t, c)
	elsewhere := s
	elsewhere.Warehouse = "file://" + t.TempDir()
	beside := s
	beside.Warehouse += "/she" // the beginning of a name
	entry := raw(t, server)
	for name, c := range map[string]struct {
		s     settings.Catalog
		spoil func(in *types.TableInput)
		says  string
	}{
		"a table of Hive's":      {spoil: func(in *types.TableInput) { in.Parameters = map[string]string{"classification": "parquet"} }, says: `its table_type is "", its TableType "EXTERNAL_TABLE"`},
		"without parameters":     {spoil: func(in *types.TableInput) { in.Parameters = nil }, says: "is not an Iceberg table"},
		"a view":                 {spoil: func(in *types.TableInput) { in.Parameters, in.TableType = nil, aws.String("VIRTUAL_VIEW") }, says: `"VIRTUAL_VIEW"`},
		"Delta Lake's":           {spoil: func(in *types.TableInput) { in.Parameters["table_type"] = "delta" }, says: `is "delta"`},
		"in the midst of a name": {spoil: func(in *types.TableInput) { in.Parameters["table_type"] = "ICEBERG_RENAMING" }, says: `is "ICEBERG_RENAMING"`},
		"a link": {spoil: func(in *types.TableInput) {
			in.Parameters, in.TargetTable = nil, &types.TableIdentifier{CatalogId: aws.String("210987654321"), DatabaseName: aws.String("d"), Name: aws.String("t")}
		}, says: `a link to table "d"."t" of account "210987654321"`},
		"without metadata":        {spoil: func(in *types.TableInput) { delete(in.Parameters, "metadata_location") }, says: "no parameter metadata_location"},
		"with metadata elsewhere": {spoil: func(in *types.TableInput) { in.Parameters["metadata_location"] = "hdfs://n/x.json" }, says: `"hdfs://n/x.json", which can't be read`},
		"with another's metadata": {spoil: func(in *types.TableInput) { in.Parameters["metadata_location"] = "file:///etc/hostname" }, says: `lies at "file:///etc/hostname", not in the warehouse`},
		"in another warehouse":    {s: elsewhere, says: "set output.catalog_warehouse to a place that it lies below"},
		"in one of like name":     {s: beside, says: "not in the warehouse"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &types.TableInput{Name: entry.Name, TableType: entry.TableType, Parameters: map[string]string{}, StorageDescriptor: entry.StorageDescriptor}
			for key, value := range entry.Parameters {
				in.Parameters[key] = value
			}
			if c.spoil != nil {
				c.spoil(in)
			} else {
				in.Parameters["note"] = name // a version of its own
			}
			if c.s == (settings.Catalog{}) {
				c.s = s
			}
			if _, err := client(t, server).UpdateTable(t.Context(), &sdk.UpdateTableInput{DatabaseName: &ident[0], TableInput: in}); err != nil {
				t.Fatal(err)
			}
			before := *raw(t, server).VersionId
			_, lerr := open(t, c.s).LoadTable(t.Context(), ident)
			_, _, cerr := open(t, c.s).CommitTable(t.Context(), ident, nil, []table.Update{table.NewSetPropertiesUpdate(iceberg.Properties{"a": "b"})})
			for _, err := range []error{lerr, cerr} {
				if fault.CodeOf(err) != glue.CodeTable || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "table shear.edff_shear") {
					t.Errorf("%v", err)
				}
			}
			if after := *raw(t, server).VersionId; after != before {
				t.Errorf("it was changed: version %s, %s before", after, before)
			}
		})
	}
}

// What isn't there is told as the library tells it.
func TestAbsent(t *testing.T) {
	_, s := catalogue(t)
	c := open(t, s)
	if _, err := c.LoadTable(t.Context(), ident); !errors.Is(err, icecat.ErrNoSuchTable) { // nor its database
		t.Error(err)
	}
	if _, err := c.CreateTable(t.Context(), ident, schema); !errors.Is(err, icecat.ErrNoSuchNamespace) {
		t.Error(err)
	}
	if err := c.CreateNamespace(t.Context(), ident[:1], nil); err != nil {
		t.Error(err)
	}
	if err := c.CreateNamespace(t.Context(), ident[:1], nil); !errors.Is(err, icecat.ErrNamespaceAlreadyExists) {
		t.Error(err)
	}
	if err := c.CreateNamespace(t.Context(), table.Identifier{"a", "b"}, nil); !errors.Is(err, icecat.ErrInvalidIdentifier) {
		t.Error(err)
	}
	if ok, err := c.CheckTableExists(t.Context(), ident); ok || err != nil {
		t.Error(ok, err)
	}
	if _, err := c.CreateTable(t.Context(), ident, schema); err != nil {
		t.Error(err)
	}
	if _, err := c.CreateTable(t.Context(), ident, schema); !errors.Is(err, icecat.ErrTableAlreadyExists) {
		t.Error(err)
	}
}

// A configuration that can't be is refused before anything is asked.
func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		uri, namespace, region, says string
	}{
		"a region":        {uri: "glue://eu-west-1"},
		"the environment": {uri: "glue://", region: "eu-west-3"},
		"none":            {uri: "glue://", says: "AWS_REGION"},
		"nonsense":        {uri: "glue://here", says: "names no region"},
		"capitals":        {uri: "glue://eu-west-1", namespace: "Shear", says: "output.catalog_namespace"},
	} {
		for _, key := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"} {
			t.Setenv(key, "")
			os.Unsetenv(key)
		}
		t.Setenv("AWS_CONFIG_FILE", "/dev/null")
		if c.region != "" {
			t.Setenv("AWS_REGION", c.region)
		}
		cfg, err := objstore.AWS(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := settings.Catalog{Warehouse: "s3://b/w", URI: c.uri, Namespace: "shear", Table: "t"}
		if c.namespace != "" {
			s.Namespace = c.namespace
		}
		opened, err := glue.Open(cfg, s, nil)
		switch {
		case c.says == "" && err == nil:
			if want := "glue://eu-west-1"; c.region == "" && opened.String() != want || c.region != "" && opened.String() != "glue://"+c.region {
				t.Errorf("%s: %s", name, opened)
			}
		case c.says == "" || fault.CodeOf(err) != glue.CodeSettings || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whether a table could be committed to is found out, and the table stays as it is.
func TestWritable(t *testing.T) {
	server, s := catalogue(t)
	c := open(t, s)
	if err := c.Writable(t.Context(), ident); !errors.Is(err, icecat.ErrNoSuchTable) {
		t.Error(err)
	}
	if _, err := add(t.Context(), lay(t, c), 7); err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(raw(t, server))
	if err := c.Writable(t.Context(), ident); err != nil {
		t.Error(err)
	}
	server.Before(func(op string, _ []byte) *gluetest.Refusal {
		if op == "UpdateTable" {
			return &gluetest.Refusal{Status: http.StatusBadRequest, Type: "AccessDeniedException", Says: "no"}
		}
		return nil
	})
	if err := c.Writable(t.Context(), ident); fault.CodeOf(err) != glue.CodeSettings || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "glue:UpdateTable") {
		t.Error(err)
	}
	server.Before(nil)
	if after, _ := json.Marshal(raw(t, server)); string(after) != string(before) {
		t.Errorf("it is another now:\n%s\n%s", before, after)
	}
	server.LaxVersions = true
	if err := c.Writable(t.Context(), ident); fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "doesn't keep Glue's lock") {
		t.Error(err)
	}
	if got := tiles(t, open(t, s)); !slices.Equal(got, []int64{7}) {
		t.Error(got)
	}
}

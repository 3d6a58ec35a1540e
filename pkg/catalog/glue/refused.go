package glue

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/cosmostat/constellation/pkg/fault"
)

// says is the name of what Glue answered, or empty where it gave no answer: by
// name, since the SDK has types for those alone that a call is said to have.
func says(err error) string {
	if e := (smithy.APIError)(nil); errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// stale is Glue's refusal of an update that was built on another version.
func stale(err error) bool {
	return says(err) == "ConcurrentModificationException" || says(err) == "VersionMismatchException"
}

func absent(err error) bool { return says(err) == "EntityNotFoundException" }

func exists(err error) bool { return says(err) == "AlreadyExistsException" }

// refused sorts what Glue says, or that it says nothing. Action is what of IAM the
// call needs, object what it was about.
func (c *Catalog) refused(ctx context.Context, err error, action, object string) error {
	if ctx.Err() != nil {
		return err
	}
	why, fix := "AWS Glue refuses it", "mend what it says"
	switch name := says(err); {
	case strings.HasPrefix(name, "AccessDenied"), name == "UnauthorizedOperation", name == "NotAuthorized":
		why, fix = "AWS Glue gives no right to it", "get the right "+action+" on the catalogue, the database and the table; where AWS Lake Formation governs them, its permissions, too"
	case strangers[name], errors.As(err, new(noCredentials)):
		why, fix = "AWS Glue doesn't take the credentials", "set or renew those of the AWS environment (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the pod's role)"
	case name == "ResourceNumberLimitExceededException":
		why, fix = "the account has as many as AWS lets it", "have the quota of AWS Glue raised, or remove what is old"
	case name == "GlueEncryptionException":
		why, fix = "AWS Glue can't use the key that encrypts it", "get the rights kms:Decrypt, kms:Encrypt and kms:GenerateDataKey on that key"
	case passing(err):
		return fault.Passing(CodeSettings, "%s: AWS Glue can't be asked, or is too busy: %w", action, err).On(c.String()).At("%s", object).
			Fix("see whether the region is right and can be reached, and try again")
	}
	return fault.Input(CodeSettings, "%s: %s: %w", action, why, err).On(c.String()).At("%s", object).Fix("%s", fix)
}

// strangers is what is said to credentials that nobody knows, or that were good once.
var strangers = map[string]bool{
	"ExpiredTokenException": true, "ExpiredToken": true, "RequestExpired": true, "UnrecognizedClientException": true, "InvalidClientTokenId": true,
	"InvalidSignatureException": true, "SignatureDoesNotMatch": true, "IncompleteSignatureException": true, "IncompleteSignature": true,
	"MissingAuthenticationTokenException": true, "MissingAuthenticationToken": true,
}

// passing says whether the same may succeed later: a service that couldn't be
// reached, was too busy, or failed.
func passing(err error) bool {
	switch says(err) {
	case "", "OperationTimeoutException", "InternalServiceException", "ResourceNotReadyException", "FederationSourceRetryableException":
		return true
	}
	e := (smithy.APIError)(nil)
	return stale(err) || errors.As(err, &e) && e.ErrorFault() == smithy.FaultServer || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

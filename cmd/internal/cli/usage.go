package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cosmostat/constellation/pkg/fault"
)

// CodeUsage is the code of what was mistyped on the command line. It ends with
// status 2, as by convention; everything else that fails ends with 1.
const CodeUsage = "UsageInvalid"

// misused turns a complaint of the flags' library into one line in this
// command's words. c is the verb as far as it was understood.
func misused(c *cobra.Command, err error) error {
	if fault.KindOf(err) != fault.Unclassified {
		return err
	}
	var (
		unknown *pflag.NotExistError
		empty   *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		said    string
		word    string
		n       int
	)
	switch missing := missingFlags(c); {
	case errors.As(err, &unknown):
		name := dashed(unknown.GetSpecifiedName())
		said = "there is no flag " + name
		if near := fault.Nearest(unknown.GetSpecifiedName(), flagNames(c)); near != "" {
			said += fmt.Sprintf("; did you mean --%s?", near)
		}
	case errors.As(err, &empty):
		said = dashed(empty.GetSpecifiedName()) + " needs a value"
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		said = fmt.Sprintf("--%s %q: %s is wanted", f.Name, invalid.GetValue(), values[f.Value.Type()])
		if values[f.Value.Type()] == "" {
			said = fmt.Sprintf("--%s %q: %v", f.Name, invalid.GetValue(), errors.Unwrap(err))
		}
	case len(missing) > 0 && c.ValidateRequiredFlags() != nil && err.Error() == c.ValidateRequiredFlags().Error():
		said = strings.Join(missing, " and ") + map[bool]string{true: " is needed", false: " are needed"}[len(missing) == 1]
	case scanned(err, "unknown command %q", &word):
		said = superfluous(c, word)
	case scanned(err, "requires at least %d arg", &n), scanned(err, "accepts %d arg", &n), scanned(err, "accepts between %d", &n), scanned(err, "accepts at most %d", &n):
		said = "arguments are missing or too many: it is " + c.UseLine()
	default:
		said = strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return fault.Input(CodeUsage, "%s", said).Fix("%s --help says what it takes", c.CommandPath())
}

// scanned says whether an error of the library, which has no type for it, begins like this.
func scanned(err error, format string, value any) bool {
	_, failed := fmt.Sscanf(err.Error(), format, value)
	return failed == nil
}

// values are what flags of a type take, in words.
var values = map[string]string{
	"int": "a whole number", "int64Slice": "a list of whole numbers, such as 4,4,", "uint64": "a whole number",
	"bool": "true or false", "duration": "a time such as 90m or 24h", "stringToString": "key=value",
}

// superfluous says what is wrong with a word that is neither a verb nor an argument.
func superfluous(c *cobra.Command, word string) string {
	if !c.HasSubCommands() {
		return fmt.Sprintf("%q is one argument too many", word)
	}
	var verbs []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			verbs = append(verbs, sub.Name())
		}
	}
	said := fmt.Sprintf("there is no verb %q", word)
	if near := fault.Nearest(word, verbs); near != "" {
		said += fmt.Sprintf("; did you mean %s?", near)
	}
	return said
}

func missingFlags(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if _, required := f.Annotations[cobra.BashCompOneRequiredFlag]; required && !f.Changed {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}

func flagNames(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// unexpanded refuses a path with the ~ that shells leave alone behind an equals
// sign: it would be a directory of that name.
func unexpanded(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if value := f.Value.String(); f.Value.Type() == "string" && strings.HasPrefix(value, "~") && (value == "~" || strings.Contains(value, "/")) && err == nil {
			err = fault.Input(CodeUsage, "--%s=%s: the shell replaces ~ at the beginning of a word only", f.Name, value).
				Fix("write --%s %s with a space, outside of quotes, or the whole path", f.Name, value)
		}
	})
	return err
}

package literal_test

import (
	"fmt"
	"reflect"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
)

func Example() {
	type Out struct {
		Table literal.Blob `flyte:"table,format=parquet" doc:"one row per word"`
		Words int64        `flyte:"words"`
		Slow  *float64     `flyte:"slow"`
	}
	m, err := literal.Marshal(Out{Table: literal.Blob{URI: "s3://bucket/words.parquet"}, Words: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(literal.Describe(m.Literals["table"]), literal.Describe(m.Literals["words"]), literal.Describe(m.Literals["slow"]))
	var back Out
	fmt.Println(literal.Unmarshal(m, &back), back.Table.Format, back.Words)
	// Output:
	// a blob an integer a union of none
	// <nil> parquet 3
}

// Engine is an enumeration; a package of settings would declare it.
type Engine string

func (Engine) FlyteEnum() []string { return []string{"shine", "reference", "mock"} }

// A contract's field of such a type is an enumeration in the task's interface,
// and the same in a struct of settings.
func ExampleEnum() {
	type Settings struct {
		Engine Engine `json:"engine,omitempty"`
	}
	type In struct {
		Engine   Engine   `flyte:"engine"`
		Settings Settings `flyte:"settings"`
	}
	variables, err := literal.Variables(reflect.TypeFor[In]())
	fmt.Println(variables.GetVariables()["engine"].GetType().GetEnumType().GetValues(), err)
	_, err = literal.Marshal(In{Engine: "mock", Settings: Settings{Engine: "shiny"}})
	fmt.Println(err)
	_, err = literal.Marshal(In{Engine: "mock"})
	fmt.Println(err)
	// Output:
	// [shine reference mock] <nil>
	// settings: encode literal_test.Settings: Engine: want one of ["shine" "reference" "mock"]
	// <nil>
}

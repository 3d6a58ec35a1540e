package literal_test

import (
	"fmt"

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

package publish_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/publish"
	"nudge/version"
)

func ExamplePublisher_Advance() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer client.Close()
	nudge := publish.To(client, publish.Options{})
	if err := nudge.Advance(context.Background(), "42", 124); err != nil {
		log.Print(err) // and go on: the change is committed
	}
}

// Several advances at once, one with the change itself, for pages that are exactly at 123.
func ExamplePublisher_Publish() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer client.Close()
	nudge := publish.To(client, publish.Options{})

	board, err := version.ParseProject("42")
	if err != nil {
		log.Fatal(err)
	}
	team, err := version.ParseProject("team-7")
	if err != nil {
		log.Fatal(err)
	}
	before := version.Version(123)
	receipt, err := nudge.Publish(context.Background(),
		version.News{Project: board, Version: 124, Prev: &before, Writer: "tab-7f3a", Data: []byte(`{"title":"Ship it"}`)},
		version.News{Project: team, Version: 9},
	)
	if errors.Is(err, version.ErrUnavailable) {
		log.Print("Redis did not take it all; publishing the same again is safe: ", err)
	}
	fmt.Println(receipt.Accepted, "announced,", receipt.Stale, "not newer than what was stored")
}

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// figures are what one run gave; times in microseconds.
type figures struct {
	Writes  int     `json:"writes"`
	Seconds float64 `json:"seconds"`
	P50     int64   `json:"p50"`
	P99     int64   `json:"p99"`
}

// perConnection is how many writers share one connection, as the writers of one
// program would.
const perConnection = 16

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "etcdload:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 4 {
		return fmt.Errorf("four arguments are needed: ENDPOINTS WRITERS SECONDS VALUE-BYTES")
	}
	var numbers [3]int
	for i, text := range arguments[1:] {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number above zero", text)
		}
		numbers[i] = n
	}
	writers, limit := numbers[0], time.Duration(numbers[1])*time.Second
	value := make([]byte, numbers[2])
	rand.Read(value)
	var clients []*clientv3.Client
	for range (writers + perConnection - 1) / perConnection {
		client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(arguments[0], ","), DialTimeout: 5 * time.Second})
		if err != nil {
			return err
		}
		defer client.Close()
		clients = append(clients, client)
	}
	took := make([][]time.Duration, writers)
	failed := make([]error, writers)
	ctx, stop := context.WithTimeout(context.Background(), limit+30*time.Second)
	defer stop()
	var group sync.WaitGroup
	began := time.Now()
	for w := range writers {
		group.Go(func() {
			client := clients[w/perConnection]
			for i := 0; time.Since(began) < limit; i++ {
				at := time.Now()
				if _, err := client.Put(ctx, fmt.Sprintf("/bench/%d", (w*4096+i)%1000), string(value)); err != nil {
					failed[w] = err
					return
				}
				took[w] = append(took[w], time.Since(at))
			}
		})
	}
	group.Wait()
	seconds := time.Since(began).Seconds()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	at := func(share float64) int64 { return all[int(share*float64(len(all)-1))].Microseconds() }
	return json.NewEncoder(os.Stdout).Encode(figures{len(all), seconds, at(0.5), at(0.99)})
}

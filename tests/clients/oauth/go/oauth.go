// Go's client credentials against a running server. Run by hand where Go is there:
//
//	go run . BASE_URL CLIENT_ID CLIENT_SECRET
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	base, id, secret := os.Args[1], os.Args[2], os.Args[3]
	for name, style := range map[string]oauth2.AuthStyle{
		"header": oauth2.AuthStyleInHeader,
		"body":   oauth2.AuthStyleInParams,
	} {
		config := clientcredentials.Config{
			ClientID:     id,
			ClientSecret: secret,
			TokenURL:     base + "/connect/token",
			Scopes:       []string{"policyserver.management"},
			AuthStyle:    style,
		}
		answer, err := config.Client(context.Background()).Get(base + "/am/json/global-config/roles?_queryFilter=true")
		if err != nil || answer.StatusCode != http.StatusOK {
			fmt.Println("failed", name, err, answer)
			os.Exit(1)
		}
		fmt.Println("ok Go", name)
	}
}
